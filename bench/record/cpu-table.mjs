import { runChild } from './child.mjs'
import { comparisons as allComparisons } from './comparisons.mjs'
import { median } from './median.mjs'
import { printTable } from './print.mjs'

const OURS = 'sluice'
const keyOf = (contender, row) => `${contender}: ${row}`

/** By contender and row, the ns of each process. One process of each before the second of any: drift hits all alike. */
function measure(comparisons, processes) {
  const nanos = new Map()
  for (const { ours, peers } of comparisons) {
    for (const { contender, row } of [{ contender: OURS, row: ours }, ...peers]) {
      nanos.set(keyOf(contender, row), { contender, row, values: [] })
    }
  }
  for (let i = 0; i < processes; i++) {
    for (const { contender, row, values } of nanos.values()) values.push(runChild('variant.mjs', [contender, row]))
  }
  return nanos
}

const ratioText = (ratio) => ratio.toFixed(ratio < 10 ? 2 : 1)

function targetOf({ atLeast, aim }) {
  if (atLeast === undefined) return ''
  return aim === undefined ? `${atLeast}x` : `${atLeast}x, aim ${aim}x`
}

/** CPU time per call of the rows whose names contain `text`, and what each peer takes for one of ours. */
export function printCpuTable(processes, text) {
  const comparisons = allComparisons.filter(({ ours }) => ours.includes(text))
  if (comparisons.length === 0) {
    throw new Error(`no row is named ${text}; they are:\n${allComparisons.map(({ ours }) => ours).join('\n')}`)
  }
  const nanos = measure(comparisons, processes)
  const lines = []
  for (const { ours, peers } of comparisons) {
    const own = nanos.get(keyOf(OURS, ours)).values
    lines.push([ours, OURS, median(own).toFixed(1), '', '', '', ''])
    for (const peer of peers) {
      const { values } = nanos.get(keyOf(peer.contender, peer.row))
      const ratios = values.map((value, i) => value / own[i])
      const ratio = median(ratios)
      lines.push([
        peer.row === ours ? '' : `  against: ${peer.row}`,
        peer.contender,
        median(values).toFixed(1),
        `${ratioText(ratio)}x`,
        `${ratioText(Math.min(...ratios))}-${ratioText(Math.max(...ratios))}`,
        targetOf(peer),
        peer.atLeast === undefined ? '' : ratio >= peer.atLeast ? 'met' : 'missed',
      ])
    }
  }
  printTable(['row', 'contender', 'ns', 'x ours', 'min-max', 'at least', ''], lines)
}
