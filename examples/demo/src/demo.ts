import { setTimeout as delay } from 'node:timers/promises'
import type { ReceiverCommand, ReceiverMessage, ReceiverReport } from '@otel-sluice/example-otlp-receiver'
import { Child } from './child.ts'
import { MEASURED } from './measured.ts'
import { PHASES, type Phase } from './phases.ts'
import { SLUICE_RECEIVER_PORT, STOCK_RECEIVER_PORT } from './ports.ts'
import type { Screen } from './screen.ts'
import type { ServiceCommand, ServiceMessage, ServiceReport } from './service-messages.ts'
import { type Standing, standingOf } from './standing.ts'
import { startTraffic, type Traffic } from './traffic.ts'

export const SLUICE = 'Sluice'
export const STOCK = 'stock PeriodicExportingMetricReader'

const SHOW_INTERVAL_MILLIS = 200

/** The processes of the demo, and what is known of them. */
export class Demo {
  readonly #screen: Screen
  readonly #receivers: Child<ReceiverCommand, ReceiverMessage>
  readonly #service: Child<ServiceCommand, ServiceMessage>
  readonly #startedMillis = performance.now()
  #traffic: Traffic | undefined
  #phase = 'starting'
  #received: ReadonlyMap<string, ReceiverReport> = new Map()
  #served: ServiceReport | undefined

  constructor(screen: Screen) {
    this.#screen = screen
    const receiverProcess = import.meta.resolve('@otel-sluice/example-otlp-receiver/process')
    this.#receivers = new Child('the receiver process', receiverProcess, (message) => {
      if (message.type === 'report') this.#received = new Map(message.reports.map((report) => [report.name, report]))
    })
    this.#service = new Child('the service process', import.meta.resolve('./service-process.js'), (message) => {
      if (message.type === 'report') this.#served = message.report
      if (message.type === 'log') this.#screen.write(`           ${message.line}`)
    })
  }

  /** Rejects when one of the processes ends by itself. */
  get broken(): Promise<never> {
    return Promise.race([this.#receivers.ended, this.#service.ended])
  }

  get service(): ServiceReport {
    if (this.#served === undefined) throw new Error('the service has not reported yet')
    return this.#served
  }

  receiver(name: string): ReceiverReport {
    const report = this.#received.get(name)
    if (report === undefined) throw new Error(`the receiver of ${name} has not reported yet`)
    return report
  }

  async start(): Promise<void> {
    await this.#receivers.ask({
      type: 'start',
      receivers: [
        { name: SLUICE, preferredPort: SLUICE_RECEIVER_PORT },
        { name: STOCK, preferredPort: STOCK_RECEIVER_PORT },
      ],
      metricNames: MEASURED,
    })
    await this.#service.ask({
      type: 'start',
      sluiceUrl: this.receiver(SLUICE).url,
      stockUrl: this.receiver(STOCK).url,
    })
    this.startTraffic()
  }

  startTraffic(): void {
    this.#traffic = startTraffic(this.service.shopUrl)
  }

  /** Goes through all outages under traffic. */
  async runPhases(): Promise<void> {
    for (const phase of PHASES) {
      this.#phase = phase.title
      await this.#enter(phase)
      await this.#watch(phase.millis)
    }
  }

  /** Shows how things stand until `signal` is aborted. */
  async watchUntil(signal: AbortSignal): Promise<void> {
    this.#phase = 'all is well; Ctrl-C to stop'
    while (!signal.aborted) await this.#watch(SHOW_INTERVAL_MILLIS)
  }

  /** Stops the traffic, and has both pipelines deliver all they have. */
  async settle(how: 'flush' | 'stop'): Promise<void> {
    this.#phase =
      how === 'stop' ? 'traffic stops, the service shuts down' : 'traffic pauses, both pipelines are flushed'
    await this.#show()
    await this.#traffic?.stop()
    this.#traffic = undefined
    await this.#service.ask({ type: how })
    await this.#show()
  }

  /** @param isOver whether both pipelines were flushed or shut down, so that the stock reader holds nothing either */
  standings(isOver: boolean): Record<typeof SLUICE | typeof STOCK, Standing> {
    const { counted, pendingPoints } = this.service
    return {
      [SLUICE]: standingOf(counted, this.receiver(SLUICE), !isOver || pendingPoints > 0),
      [STOCK]: standingOf(counted, this.receiver(STOCK), !isOver),
    }
  }

  async end(): Promise<void> {
    void this.#traffic?.stop()
    await Promise.all([this.#service.end(), this.#receivers.end()])
  }

  /** Leaves no process behind; for when this one is about to end. */
  kill(): void {
    this.#service.kill()
    this.#receivers.kill()
  }

  async #enter({ fault, times, receivers }: Phase): Promise<void> {
    await this.#receivers.ask({ type: 'fail', fault, ...(times !== undefined && { times }) })
    await this.#receivers.ask({ type: receivers === 'up' ? 'come-up' : 'go-down' })
  }

  async #show(): Promise<void> {
    // In this order, what is delivered has been recorded.
    await this.#receivers.ask({ type: 'report' })
    await this.#service.ask({ type: 'report' })
    const { [SLUICE]: sluice, [STOCK]: stock } = this.standings(false)
    this.#screen.show({
      elapsedMillis: performance.now() - this.#startedMillis,
      phase: this.#phase,
      recorded: sluice.recorded,
      delivered: { [SLUICE]: sluice.delivered, [STOCK]: stock.delivered },
    })
  }

  async #watch(millis: number): Promise<void> {
    const endMillis = performance.now() + millis
    while (performance.now() < endMillis) {
      await this.#show()
      await delay(Math.min(SHOW_INTERVAL_MILLIS, Math.max(0, endMillis - performance.now())))
    }
  }
}
