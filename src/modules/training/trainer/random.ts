/** The four words of an sfc32 generator: everything needed to go on with the same sequence. */
export type RandomState = readonly [number, number, number, number];

export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  next(): number;
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
  /** Standard normal deviate. */
  normal(): number;
  state(): RandomState;
}

/** sfc32: small, fast, and its whole state fits in a checkpoint, so a resumed run draws what the first would have. */
export function randomFrom(state: RandomState): Random {
  let [a, b, c, counter] = state;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 4294967296;
  };
  return {
    next,
    below: (bound) => Math.floor(next() * bound),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    state: () => [a, b, c, counter],
  };
}

/** A generator from one integer. The first words are thrown away, because neighbouring seeds start out alike. */
export function randomFromSeed(seed: number): Random {
  const random = randomFrom([0x9e3779b9 | 0, seed | 0, Math.floor(seed / 4294967296) | 0, 1]);
  for (let i = 0; i < 20; i += 1) random.next();
  return random;
}

/** In random order; the argument is left as it is. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const keyed = items.map((item) => ({ item, key: random.next() }));
  return keyed.sort((one, other) => one.key - other.key).map((entry) => entry.item);
}
