/** Receivers in a process of their own, commanded over Node.js IPC; see `receiver-messages.ts`. */
import { type OtlpReceiver, startOtlpReceiver } from './receiver.ts'
import type { ReceiverCommand, ReceiverMessage, ReceiverReport } from './receiver-messages.ts'

const receivers = new Map<string, OtlpReceiver>()
let metricNames: readonly string[] = []

function send(message: ReceiverMessage): void {
  if (process.connected) process.send?.(message)
}

function reports(): ReceiverReport[] {
  return [...receivers].map(([name, { url, port, fault, requests, ledger }]) => ({
    name,
    url,
    port,
    fault,
    requests,
    tallies: Object.fromEntries(metricNames.map((metricName) => [metricName, ledger.tally(metricName)])),
    metricNames: ledger.metricNames,
  }))
}

async function startOn(preferredPort: number): Promise<OtlpReceiver> {
  const options = { keepBatches: false }
  try {
    return await startOtlpReceiver({ ...options, port: preferredPort })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return startOtlpReceiver(options)
  }
}

async function obey(command: ReceiverCommand): Promise<void> {
  switch (command.type) {
    case 'start':
      metricNames = command.metricNames
      for (const { name, preferredPort } of command.receivers) receivers.set(name, await startOn(preferredPort))
      return
    case 'fail': {
      const { fault, times } = command
      for (const receiver of receivers.values()) receiver.fail(fault, times === undefined ? {} : { times })
      return
    }
    case 'go-down':
      await Promise.all([...receivers.values()].map((receiver) => receiver.goDown()))
      return
    case 'come-up':
      await Promise.all([...receivers.values()].map((receiver) => receiver.comeUp()))
      return
    case 'report':
  }
}

process.on('message', (command: ReceiverCommand) => {
  obey(command).then(
    () => send({ type: 'report', id: command.id, reports: reports() }),
    (error: unknown) => send({ type: 'failed', id: command.id, message: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
