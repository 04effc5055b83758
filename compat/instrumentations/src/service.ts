/** A real service with real instrumentations, in a process of its own, commanded over Node.js IPC. */
import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { context, metrics } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { type Pipeline, startPipeline } from './pipelines.ts'
import { RuntimeActivity } from './runtime-activity.ts'
import type { ServiceCommand, ServiceMessage } from './service-messages.ts'
import { Shop } from './shop.ts'

interface Service {
  readonly provider: Pipeline['provider']
  readonly runtime: RuntimeActivity
  readonly shop: Shop
  readonly port: number
}

let service: Service | undefined

async function start({ pipeline, receiverUrl, temporality }: Extract<ServiceCommand, { type: 'start' }>) {
  const { meterProvider, provider } = startPipeline(pipeline, receiverUrl, temporality)
  metrics.setGlobalMeterProvider(meterProvider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager())
  const { pathname } = new URL(receiverUrl)
  registerInstrumentations({
    meterProvider,
    instrumentations: [
      // The exports are no part of the traffic.
      new HttpInstrumentation({ ignoreOutgoingRequestHook: ({ path }) => path === pathname }),
      new UndiciInstrumentation(),
      new RuntimeNodeInstrumentation(),
    ],
  })
  const runtime = new RuntimeActivity()
  // Only now: the instrumentation sees `http` when it is first required after it was registered.
  const http = createRequire(import.meta.url)('node:http') as typeof import('node:http')
  const shop = new Shop(http)
  const server = http.createServer((request, response) => void shop.serve(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { provider, runtime, shop, port: (server.address() as AddressInfo).port }
}

async function obey(command: ServiceCommand): Promise<Service> {
  if (command.type === 'start') {
    service = await start(command)
    return service
  }
  if (service === undefined) throw new Error(`${command.type} before start`)
  const { provider, runtime, shop } = service
  await shop.untilQuiet()
  await runtime.happen()
  await (command.type === 'stop' ? provider.shutdown() : provider.forceFlush())
  return service
}

function send(message: ServiceMessage): void {
  if (process.connected) process.send?.(message)
}

process.on('message', (command: ServiceCommand) => {
  obey(command).then(
    ({ port }) => send({ type: 'done', port }),
    (error: unknown) => send({ type: 'failed', message: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
