// Numbers that a seed repeats, and the seed of this run: SLUICE_SEED, or another one each time.
export const seed = Number(process.env.SLUICE_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Mulberry32: from 0 to below 1. */
export function randomOf(from) {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** An integer from 0 to below `end`. */
export const below = (random, end) => Math.floor(random() * end)
