import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type OtlpReceiver, startOtlpReceiver } from '@otel-sluice/example-otlp-receiver'
import type { PipelineName } from '../../src/pipelines.ts'
import type { ServiceCommand, ServiceMessage } from '../../src/service-messages.ts'

// Built, in a process of its own: instrumentations change the modules of the process that they are in.
const SERVICE = fileURLToPath(new URL('../../dist/service.js', import.meta.url))

/** The service, running, and the receiver that it exports to. */
export class ServiceProcess {
  readonly receiver: OtlpReceiver
  readonly port: number
  readonly #process: ChildProcess

  private constructor(process: ChildProcess, receiver: OtlpReceiver, port: number) {
    this.#process = process
    this.receiver = receiver
    this.port = port
  }

  static async start(pipeline: PipelineName, temporality: 'delta' | 'cumulative'): Promise<ServiceProcess> {
    const receiver = await startOtlpReceiver()
    const process = fork(SERVICE, { execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const port = await ask(process, { type: 'start', pipeline, temporality, receiverUrl: receiver.url })
    return new ServiceProcess(process, receiver, port)
  }

  async flush(): Promise<void> {
    await ask(this.#process, { type: 'flush' })
  }

  async stop(): Promise<void> {
    await ask(this.#process, { type: 'stop' })
    const exited = once(this.#process, 'exit')
    this.#process.disconnect()
    await exited
    await this.receiver.close()
  }
}

/** @throws Error when the command failed, or the process ended over it */
async function ask(process: ChildProcess, command: ServiceCommand): Promise<number> {
  const over = new AbortController()
  const { signal } = over
  process.send(command)
  try {
    const ended = once(process, 'exit', { signal }).then(([code]) => ({ type: 'failed', message: `exit code ${code}` }))
    const answered = once(process, 'message', { signal }).then(([message]) => message)
    const message: ServiceMessage = await Promise.race([ended, answered])
    if (message.type === 'failed') throw new Error(`the service failed to ${command.type}: ${message.message}`)
    return message.port
  } finally {
    over.abort()
  }
}
