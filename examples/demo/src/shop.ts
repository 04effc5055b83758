import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { metrics } from '@opentelemetry/api'
import { type Counted, newOwnCount } from './measured.ts'

const PRODUCTS = ['espresso', 'filter', 'cocoa', 'tea']
const COUNTRIES = ['DE', 'IN', 'JP', 'MX', 'NG']
const SHARE_REFUSED = 0.05

/** Takes orders, and counts what it records in plain variables next to each instrument. */
export class Shop {
  readonly counted = newOwnCount()
  #openOrders = 0
  readonly #stock = new Map(PRODUCTS.map((product) => [product, 1_000]))

  readonly #meter = metrics.getMeter('shop', '1.0.0')
  readonly #orders = this.#meter.createCounter('shop.orders', { unit: '{order}', description: 'Orders placed' })
  readonly #refused = this.#meter.createCounter('shop.orders.refused', {
    unit: '{order}',
    description: 'Orders refused',
  })
  readonly #value = this.#meter.createHistogram('shop.order.value', {
    unit: '{cent}',
    description: 'Value of an order',
  })
  readonly #items = this.#meter.createHistogram('shop.order.items', {
    unit: '{item}',
    description: 'Items in an order',
    advice: { explicitBucketBoundaries: [1, 2, 3, 5, 8] },
  })
  readonly #open = this.#meter.createUpDownCounter('shop.orders.open', {
    unit: '{order}',
    description: 'Orders being prepared',
  })

  constructor() {
    const stock = this.#meter.createObservableGauge('shop.stock', { unit: '{item}', description: 'Items left' })
    stock.addCallback((result) => {
      for (const [product, left] of this.#stock) result.observe(left, { product })
    })
  }

  async serve(_request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#openOrders++
    this.#open.add(1)
    // Spreads the orders over the second: the traffic comes in bursts.
    await delay(20 + Math.random() * 200)
    const isPlaced = Math.random() >= SHARE_REFUSED
    if (isPlaced) this.#place(pick(PRODUCTS), pick(COUNTRIES))
    else this.#refuse()
    this.#open.add(-1)
    this.#openOrders--
    response.writeHead(isPlaced ? 201 : 409).end()
  }

  /** Resolves when no order is under way. */
  async untilQuiet(): Promise<void> {
    while (this.#openOrders > 0) await delay(10)
  }

  #place(product: string, country: string): void {
    const items = 1 + Math.floor(Math.random() * 6)
    const cents = items * 250 + Math.floor(Math.random() * 100)
    const left = (this.#stock.get(product) ?? 0) - items
    this.#stock.set(product, left < 0 ? 1_000 : left)

    this.#orders.add(1, { product, country })
    count(this.counted['shop.orders'], 1)
    this.#value.record(cents, { product })
    count(this.counted['shop.order.value'], cents)
    this.#items.record(items, { product })
    count(this.counted['shop.order.items'], items)
  }

  #refuse(): void {
    this.#refused.add(1, { reason: 'closed' })
    count(this.counted['shop.orders.refused'], 1)
  }
}

function count(counted: Counted, value: number): void {
  counted.measurements++
  counted.sum += value
}

function pick(choices: readonly string[]): string {
  return choices[Math.floor(Math.random() * choices.length)]!
}
