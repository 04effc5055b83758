/**
 * Watches from the event loop itself how long it is held: the times between two of its rounds, and the CPU time that the
 * thread used in them, in ms. On a shared machine a thread also waits for a processor, which is no work of its own.
 */
export function watchEventLoop() {
  const gaps = []
  let last = performance.now()
  let lastCpu = threadCpuMillis()
  let watching = true
  let stopped
  const look = () => {
    const now = performance.now()
    if (now - last > 0.5) {
      const cpu = threadCpuMillis()
      gaps.push([last, now, cpu - lastCpu])
      lastCpu = cpu
    }
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

function threadCpuMillis() {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** The longest gap in ms of CPU time, what `known` intervals account for left out. Known intervals may overlap. */
export function longestOutside(gaps, known) {
  const sorted = known.toSorted(([a], [b]) => a - b)
  let longest = 0
  for (const [start, end, cpu] of gaps) {
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
    longest = Math.max(longest, Math.min(cpu, end - start) - accounted)
  }
  return longest
}
