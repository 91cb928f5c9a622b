#!/bin/sh
# Compile the kernels, once for each level of instructions of the processor's family; the server takes what fits.
# usage: build.sh [FOLDER]     FOLDER: where the libraries go, this one if not given. CC: the compiler, gcc
#        build.sh --list       compile nothing, print the libraries' names
set -eu
sources=$(cd "$(dirname "$0")" && pwd)
wide=
case $(uname -m) in
  x86_64) levels="x86-64-v2 x86-64-v3 x86-64-v4" wide=-mprefer-vector-width=512 ;;
  aarch64) levels=armv8-a ;;
  *) levels=native ;;
esac
if [ "${1:-}" = --list ]; then
  for level in $levels; do echo "rows-$level.so"; done
  exit
fi
folder=${1:-$sources}
for level in $levels; do
  # What a loop needs to become vectors, of all that -ffast-math allows: it would also move what is not a number, and
  # change how the whole process rounds.
  ${CC:-gcc} -std=c11 -O3 -march="$level" $wide -fopenmp -shared -fPIC -Wall -Wextra -Werror \
    -fno-math-errno -fno-trapping-math -fno-signed-zeros -fassociative-math -ffp-contract=fast \
    -o "$folder/.rows-$level.so" "$sources/rows.c" -lm
  mv "$folder/.rows-$level.so" "$folder/rows-$level.so"
done
