/*
 * The loops in which a run spends its time. The casts say what the offsets guarantee: every index is inside its array,
 * and a check per element would cost more than the arithmetic.
 */

/** Σ a[i]·b[i]. Four sums at once: a single one waits for each addition before it starts the next. */
export function dot(
  a: Float64Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  length: number,
): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    s0 += (a[aStart + i] as number) * (b[bStart + i] as number);
    s1 += (a[aStart + i + 1] as number) * (b[bStart + i + 1] as number);
    s2 += (a[aStart + i + 2] as number) * (b[bStart + i + 2] as number);
    s3 += (a[aStart + i + 3] as number) * (b[bStart + i + 3] as number);
  }
  for (; i < length; i += 1) s0 += (a[aStart + i] as number) * (b[bStart + i] as number);
  return s0 + s1 + (s2 + s3);
}

/** y += scale·x */
export function addScaled(
  y: Float64Array,
  yStart: number,
  scale: number,
  x: Float64Array,
  xStart: number,
  length: number,
): void {
  for (let i = 0; i < length; i += 1) {
    y[yStart + i] = (y[yStart + i] as number) + scale * (x[xStart + i] as number);
  }
}

/** Turns logits into probabilities in place and returns the logarithm of the one at `target`. */
export function softmax(logits: Float64Array, target: number): number {
  let max = -Infinity;
  for (let i = 0; i < logits.length; i += 1) max = Math.max(max, logits[i] as number);
  const targetLogit = (logits[target] as number) - max;
  let sum = 0;
  for (let i = 0; i < logits.length; i += 1) {
    const power = Math.exp((logits[i] as number) - max);
    logits[i] = power;
    sum += power;
  }
  for (let i = 0; i < logits.length; i += 1) logits[i] = (logits[i] as number) / sum;
  return targetLogit - Math.log(sum);
}
