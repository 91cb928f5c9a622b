from bind_bench.machine import parse_cpuinfo

X86 = """processor\t: 0
model name\t: AMD EPYC
flags\t\t: fpu avx2 avx512f avx512_bf16

processor\t: 1
model name\t: AMD EPYC
flags\t\t: fpu avx2 avx512f avx512_bf16
"""


def test_the_model_and_the_flags_that_matter() -> None:
    assert parse_cpuinfo(X86) == ("AMD EPYC", ("avx2", "avx512f", "avx512_bf16"))


def test_a_machine_that_names_neither() -> None:
    model, flags = parse_cpuinfo("processor : 0\n")
    assert model
    assert flags == ()
