/** The shop, with its two metrics pipelines, in a process of its own; commanded over Node.js IPC. */
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import { type DiagLogFunction, DiagLogLevel, diag } from '@opentelemetry/api'
import { listenOn } from './listen-on.ts'
import { type Pipelines, startPipelines } from './pipelines.ts'
import { METRICS_PORT, SHOP_PORT } from './ports.ts'
import type { ServiceCommand, ServiceMessage, ServiceReport } from './service-messages.ts'
import { Shop } from './shop.ts'

/** What a flush or a shutdown may take; a pipeline that needs longer has not managed. */
const DELIVERY_TIMEOUT_MILLIS = 8_000

interface Service {
  readonly pipelines: Pipelines
  readonly shop: Shop
  readonly shopUrl: string
  readonly metricsUrl: string
  readonly servers: readonly Server[]
  complaint: string | undefined
}

let service: Service | undefined

function send(message: ServiceMessage): void {
  if (process.connected) process.send?.(message)
}

const forwardOurs: DiagLogFunction = (...words) => {
  // What else is logged is the exporters' and the stock reader's word, about the same outages, for every failed export.
  if (String(words[0]).startsWith('sluice: ')) send({ type: 'log', line: words.map(String).join(' ') })
}
const silent: DiagLogFunction = () => {}

async function start(sluiceUrl: string, stockUrl: string): Promise<Service> {
  diag.setLogger(
    { error: forwardOurs, warn: forwardOurs, info: forwardOurs, debug: silent, verbose: silent },
    DiagLogLevel.INFO,
  )
  const pipelines = startPipelines(sluiceUrl, stockUrl)
  // Only now: the instrumentation sees `http` when it is first required after it was registered.
  const { createServer } = createRequire(import.meta.url)('node:http') as typeof import('node:http')

  const shop = new Shop()
  const shopServer = createServer((request, response) => void shop.serve(request, response))
  const metricsServer = createServer((request, response) => {
    if (request.url === '/metrics') pipelines.prometheus.getMetricsRequestHandler(request, response)
    else response.writeHead(404).end('/metrics only\n')
  })
  const shopPort = await listenOn(shopServer, '127.0.0.1', SHOP_PORT)
  const metricsPort = await listenOn(metricsServer, 'localhost', METRICS_PORT)
  return {
    pipelines,
    shop,
    shopUrl: `http://127.0.0.1:${shopPort}`,
    metricsUrl: `http://localhost:${metricsPort}/metrics`,
    servers: [shopServer, metricsServer],
    complaint: undefined,
  }
}

function reportOf({ pipelines, shop, shopUrl, metricsUrl, complaint }: Service): ServiceReport {
  const [otlp] = pipelines.sluice.stats().adapters
  return {
    shopUrl,
    metricsUrl,
    counted: shop.counted,
    pendingPoints: otlp?.stats.pendingPoints ?? 0,
    ...(complaint !== undefined && { complaint }),
  }
}

async function obey(command: ServiceCommand): Promise<Service> {
  if (command.type === 'start') {
    service = await start(command.sluiceUrl, command.stockUrl)
    return service
  }
  if (service === undefined) throw new Error(`${command.type} before start`)
  if (command.type === 'report') return service

  const { pipelines, shop, servers } = service
  if (command.type === 'stop') for (const server of servers) server.close()
  await shop.untilQuiet()
  const { provider } = pipelines
  const options = { timeoutMillis: DELIVERY_TIMEOUT_MILLIS }
  const delivery = command.type === 'stop' ? provider.shutdown(options) : provider.forceFlush(options)
  service.complaint = await delivery.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  return service
}

process.on('message', (command: ServiceCommand) => {
  obey(command).then(
    (obeyed) => send({ type: 'report', id: command.id, report: reportOf(obeyed) }),
    (error: unknown) => send({ type: 'failed', id: command.id, message: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
