import type { Meter, MeterProvider } from '@opentelemetry/api'
import { type Instrument, instrumentOf, type Recording } from './instruments.ts'
import type { Program } from './program.ts'

/**
 * What our reader is fed through.
 *
 * - `sdk`: the `MeterProvider` that the SDK's readers are in, too.
 * - `buffer`: a `MetricsBuffer`; the SDK's readers have a provider of their own.
 * - `bound buffer`: the same, with attributes bound to many instruments.
 * - a list: for one recording after the other, over and over, a `MetricsBuffer` or the provider of our reader.
 */
export type FrontEnd = 'sdk' | 'buffer' | 'bound buffer' | readonly ('through buffer' | 'through sdk')[]

/** Where instruments are made: on our side by the buffer or by the SDK, and for the SDK's readers. */
export interface Providers {
  readonly buffer: MeterProvider
  readonly ours: MeterProvider
  readonly stock: MeterProvider
}

/** The instruments of a program; what is recorded through one of them reaches all readers once. */
export function instrumentsOf(program: Program, frontEnd: FrontEnd, providers: Providers): Instrument[] {
  const made = (provider: MeterProvider, recording?: Recording): Instrument[] => {
    const meters = metersOf(program, provider)
    return program.instruments.map((spec) =>
      instrumentOf(spec, meters[spec.scope % meters.length]!, program.observing === 'once', recording),
    )
  }
  if (frontEnd === 'sdk') return made(providers.ours)
  const ours =
    typeof frontEnd === 'object'
      ? alternating(frontEnd, made(providers.buffer), made(providers.ours))
      : made(providers.buffer, frontEnd === 'buffer' ? 'plain' : 'bound')
  const stock = made(providers.stock)
  return ours.map((instrument, i) => inBoth(instrument, stock[i]!))
}

function metersOf({ scopes }: Program, provider: MeterProvider): Meter[] {
  return scopes.map(({ name, version, schemaUrl }) =>
    provider.getMeter(name, version, schemaUrl === undefined ? undefined : { schemaUrl }),
  )
}

/** Of synchronous instruments. */
function alternating(
  routes: readonly ('through buffer' | 'through sdk')[],
  buffered: readonly Instrument[],
  direct: readonly Instrument[],
): Instrument[] {
  let recordings = 0
  return buffered.map((instrument, i) => ({
    record(value, entries, reversed) {
      const route = routes[recordings++ % routes.length]!
      const target = route === 'through buffer' ? instrument : direct[i]!
      target.record(value, entries, reversed)
    },
    beginFlush() {},
    endFlush() {},
  }))
}

function inBoth(ours: Instrument, stock: Instrument): Instrument {
  return {
    record(value, entries, reversed) {
      ours.record(value, entries, reversed)
      // DIFFERENCE: the buffer drops NaN, the SDK adds it.
      if (!Number.isNaN(value)) stock.record(value, entries, reversed)
    },
    beginFlush() {
      ours.beginFlush()
      stock.beginFlush()
    },
    endFlush() {
      ours.endFlush()
      stock.endFlush()
    },
  }
}
