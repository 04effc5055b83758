import type { Program, Recording, Step } from './program.ts'
import type { Run } from './run-program.ts'
import { type Call, windowKey } from './scripted-exporter.ts'

/** A run in words, one line for each thing that happens, by the time since its start in ms. */
export function timelineOf(name: string, program: Program, run: Run): string {
  const lines: { millis: number; text: string }[] = []
  let millis = 0
  const take = (steps: readonly Step[]) => {
    for (const step of steps) {
      millis += step.afterMillis
      if (step.do === 'record') lines.push({ millis, text: recordInWords(step) })
    }
  }
  take(program.steps)
  millis += program.shutdown.afterMillis
  if (program.isKilled) lines.push({ millis, text: 'the process is killed' })
  take(program.lateSteps)
  for (const { what, startedMillis, timeoutMillis, settledMillis } of run.waits) {
    const options = timeoutMillis === undefined ? '' : `{ timeoutMillis: ${timeoutMillis} }`
    const end = settledMillis === undefined ? 'never settles' : `settles at ${settledMillis}`
    lines.push({ millis: startedMillis, text: `${what}(${options}) ${end}` })
  }
  for (const [i, call] of run.calls.entries()) {
    lines.push({ millis: call.startedMillis, text: `  export ${i + 1}: ${callInWords(call)}` })
  }
  lines.sort((a, b) => a.millis - b.millis)
  return [`${name}:`, ...lines.map((line) => `${String(line.millis).padStart(8)}  ${line.text}`)].join('\n')
}

/** What does not show in a timeline. */
export function conditionsOf(program: Program): string {
  const { timeoutMillis, temporality, maxExportBatchSize, throughBuffer, waitsForCalls, jitter, statesAre } = program
  const { mostPoints } = program
  const conditions = {
    timeoutMillis,
    temporality,
    maxExportBatchSize,
    mostPoints,
    throughBuffer,
    waitsForCalls,
    jitter,
  }
  const states = program.states.map(
    ({ forMillis, answer, afterMillis, ingests }, i) =>
      `  ${i === program.states.length - 1 ? 'for ever' : `${forMillis} ms`}: ${answer} after ${afterMillis} ms, ingests ${ingests}`,
  )
  return [JSON.stringify(conditions), `the receiver, ${statesAre}:`, ...states].join('\n')
}

function recordInWords({ instrument, series, value }: Recording): string {
  return `${instrument}.${series} ${value}`
}

function callInWords({ points, state, answeredMillis, ingestedMillis }: Call): string {
  const sent = points.map((point) => `${windowKey(point)}${point.kind === 'delta' ? ' +' : ' ='}${point.value}`)
  const answered = answeredMillis === undefined ? 'never answers' : `${state.answer} at ${answeredMillis}`
  const ingested = ingestedMillis === undefined ? 'not ingested' : `ingested at ${ingestedMillis}`
  return `${sent.join(', ')} → ${answered}, ${ingested}`
}
