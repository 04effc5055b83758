const ATTRIBUTES = (i) => ({ route: `/r${i % 100}`, status: String(200 + (i % 5)), user: `u${i}` })

/** What is recorded, for each of so many series, from one scrape to the next. */
export const attributesOf = (series) => Array.from({ length: series }, (_, i) => ATTRIBUTES(i))

/** Integers, or decimals with as many digits as a double has. */
export const measurement = (values, i, round) => (values === 'integer' ? (i * 7 + round) % 9000 : Math.random() * 1000)

/** The boundaries of the SDK: 15, and so 16 buckets. */
export const BOUNDARIES = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]
