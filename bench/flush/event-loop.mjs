/** Watches from the event loop itself how long it is held: the times between two of its rounds. */
export function watchEventLoop() {
  const gaps = []
  let last = performance.now()
  let watching = true
  let stopped
  const look = () => {
    const now = performance.now()
    if (now - last > 0.5) gaps.push([last, now])
    last = now
    if (watching) setImmediate(look)
    else stopped()
  }
  setImmediate(look)
  return {
    stop: () =>
      new Promise((resolve) => {
        stopped = () => resolve(gaps)
        watching = false
      }),
  }
}

/** The longest gap in ms, what `known` intervals account for left out. Known intervals may overlap each other. */
export function longestOutside(gaps, known) {
  const sorted = known.toSorted(([a], [b]) => a - b)
  let longest = 0
  for (const [start, end] of gaps) {
    let accounted = 0
    let upTo = start
    for (const [from, to] of sorted) {
      const begin = Math.max(from, upTo)
      const finish = Math.min(to, end)
      if (finish > begin) {
        accounted += finish - begin
        upTo = finish
      }
    }
    longest = Math.max(longest, end - start - accounted)
  }
  return longest
}
