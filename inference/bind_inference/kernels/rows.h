/* The functions of rows.c for one type of number. NUMBER names it, READ and WRITE turn it to and from float, NAME makes
   a function's name. A row's columns lie side by side, rows one behind the other. */

static float NAME(quantize)(const NUMBER *x, uint8_t *levels, float *row, long columns) {
  for (long j = 0; j < columns; j++) row[j] = READ(x[j]);
  return to_levels(row, levels, columns);
}

static float NAME(gelu_quantize)(const NUMBER *products, float step, const float *bias, uint8_t *levels, float *row,
                                 long columns) {
  for (long j = 0; j < columns; j++) row[j] = gelu(READ(products[j]) * step + bias[j]);
  return to_levels(row, levels, columns);
}

static float NAME(normalize_quantize)(const NUMBER *x, const float *weight, const float *bias, float epsilon,
                                      uint8_t *levels, float *row, long columns) {
  float sum = 0, squares = 0;
  for (long j = 0; j < columns; j++) {
    row[j] = READ(x[j]);
    sum += row[j];
  }
  const float mean = sum / columns;
  for (long j = 0; j < columns; j++) {
    row[j] -= mean;
    squares += row[j] * row[j];
  }
  const float scale = 1 / sqrtf(squares / columns + epsilon);
  for (long j = 0; j < columns; j++) row[j] = row[j] * scale * weight[j] + bias[j];
  return to_levels(row, levels, columns);
}

static void NAME(scale)(const NUMBER *products, float step, const float *bias, float factor, NUMBER *out,
                        long columns) {
  for (long j = 0; j < columns; j++) out[j] = WRITE((READ(products[j]) * step + bias[j]) * factor);
}

static void NAME(add)(const NUMBER *x, const NUMBER *products, float step, const float *bias, NUMBER *out,
                      long columns) {
  for (long j = 0; j < columns; j++) out[j] = WRITE(READ(x[j]) + READ(products[j]) * step + bias[j]);
}

void NAME(quantize_rows)(const NUMBER *x, uint8_t *levels, float *steps, long rows, long columns) {
  PARALLEL {
    float row[columns];
    EACH_ROW(i) steps[i] = NAME(quantize)(x + i * columns, levels + i * columns, row, columns);
  }
}

void NAME(gelu_quantize_rows)(const NUMBER *products, const float *product_steps, const float *bias, uint8_t *levels,
                              float *steps, long rows, long columns) {
  PARALLEL {
    float row[columns];
    EACH_ROW(i)
    steps[i] =
        NAME(gelu_quantize)(products + i * columns, product_steps[i], bias, levels + i * columns, row, columns);
  }
}

void NAME(normalize_quantize_rows)(const NUMBER *x, const float *weight, const float *bias, float epsilon,
                                   uint8_t *levels, float *steps, long rows, long columns) {
  PARALLEL {
    float row[columns];
    EACH_ROW(i)
    steps[i] =
        NAME(normalize_quantize)(x + i * columns, weight, bias, epsilon, levels + i * columns, row, columns);
  }
}

void NAME(add_normalize_quantize_rows)(const NUMBER *x, const NUMBER *products, const float *product_steps,
                                       const float *product_bias, NUMBER *out, const float *weight, const float *bias,
                                       float epsilon, uint8_t *levels, float *steps, long rows, long columns) {
  PARALLEL {
    float row[columns];
    EACH_ROW(i) {
      const long at = i * columns;
      NAME(add)(x + at, products + at, product_steps[i], product_bias, out + at, columns);
      steps[i] = NAME(normalize_quantize)(out + at, weight, bias, epsilon, levels + at, row, columns);
    }
  }
}

void NAME(scale_rows)(const NUMBER *products, const float *product_steps, const float *bias, NUMBER *out, long rows,
                      long columns) {
  PARALLEL {
    EACH_ROW(i) NAME(scale)(products + i * columns, product_steps[i], bias, 1, out + i * columns, columns);
  }
}

void NAME(add_rows)(const NUMBER *x, const NUMBER *products, const float *product_steps, const float *bias, NUMBER *out,
                    long rows, long columns) {
  PARALLEL {
    EACH_ROW(i) {
      const long at = i * columns;
      NAME(add)(x + at, products + at, product_steps[i], bias, out + at, columns);
    }
  }
}

/* Row i, of token i % tokens of item i / tokens, is [3, heads, width]; a head's tokens lie one behind the other in
   queries, keys and values. `learned` is [2, heads, width], the key and value behind those of the tokens, or none. */
void NAME(split_rows)(const NUMBER *products, const float *product_steps, const float *bias, float query_scale,
                      const float *learned, NUMBER *queries, NUMBER *keys, NUMBER *values, long items, long tokens,
                      long heads, long width) {
  const long rows = items * tokens, columns = 3 * heads * width;
  const long attended = tokens + (learned != 0);
  PARALLEL {
    EACH_ROW(i) {
      const long item = i / tokens, token = i % tokens;
      for (long part = 0; part < 3; part++) {
        NUMBER *out = part == 0 ? queries : part == 1 ? keys : values;
        const long length = part == 0 ? tokens : attended;
        const float factor = part == 0 ? query_scale : 1;
        for (long head = 0; head < heads; head++) {
          const long at = (part * heads + head) * width;
          NAME(scale)(products + i * columns + at, product_steps[i], bias + at, factor,
                      out + ((item * heads + head) * length + token) * width, width);
        }
      }
    }
    if (learned) {
      const long pairs = items * heads, size = heads * width;
#pragma omp for schedule(static)
      for (long pair = 0; pair < pairs; pair++) {
        const float *source = learned + pair % heads * width;
        const long at = (pair * attended + tokens) * width;
        for (long j = 0; j < width; j++) keys[at + j] = WRITE(source[j]);
        for (long j = 0; j < width; j++) values[at + j] = WRITE(source[size + j]);
      }
    }
  }
}

/* The other way: x is [items, heads, tokens, width], a row of levels [heads, width]. */
void NAME(join_quantize_rows)(const NUMBER *x, uint8_t *levels, float *steps, long items, long tokens, long heads,
                              long width) {
  const long rows = items * tokens, columns = heads * width;
  PARALLEL {
    float row[columns];
    EACH_ROW(i) {
      const long item = i / tokens, token = i % tokens;
      for (long head = 0; head < heads; head++) {
        const NUMBER *source = x + ((item * heads + head) * tokens + token) * width;
        for (long j = 0; j < width; j++) row[head * width + j] = READ(source[j]);
      }
      steps[i] = to_levels(row, levels + i * columns, columns);
    }
  }
}
