import type { Batch } from './batch.ts'

/** How far the delivery of a parcel is. */
export interface Progress {
  /** The batches that it is cut into, in order: how many points each has. */
  readonly sizes: readonly number[]
  /** Those for which there is nothing left to do, by their place in `sizes`. */
  readonly finished: readonly number[]
}

export function progressOf(batches: readonly Batch[]): Progress {
  return {
    sizes: batches.map(({ size }) => size),
    finished: batches.flatMap(({ isFinished }, i) => (isFinished ? [i] : [])),
  }
}

/**
 * One progress of several: of a parcel that was begun by one process and gone on with by another. It is cut where one of them
 * is, and finished is what is so in one of them. Those that are not of this parcel, as their sizes tell, are left out.
 *
 * @param points how many points the parcel has
 * @param sizes how it is cut where nobody has written anything
 */
export function joined(points: number, sizes: readonly number[], written: readonly Progress[]): Progress {
  const valid = written.filter((progress) => isOf(points, progress))
  if (valid.length === 0) return { sizes, finished: [] }
  const ends = [...new Set(valid.flatMap((progress) => endsOf(progress.sizes)))].sort((a, b) => a - b)
  const isFinished = (end: number): boolean =>
    valid.some((progress) => {
      const i = endsOf(progress.sizes).findIndex((each) => each >= end)
      return progress.finished.includes(i)
    })
  return {
    sizes: ends.map((end, i) => end - (ends[i - 1] ?? 0)),
    finished: ends.flatMap((end, i) => (isFinished(end) ? [i] : [])),
  }
}

function isOf(points: number, { sizes, finished }: Progress): boolean {
  const areSizes = sizes.every((size) => Number.isInteger(size) && size > 0)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  return areSizes && total === points && finished.every((i) => Number.isInteger(i) && i >= 0 && i < sizes.length)
}

function endsOf(sizes: readonly number[]): number[] {
  let end = 0
  return sizes.map((size) => {
    end += size
    return end
  })
}
