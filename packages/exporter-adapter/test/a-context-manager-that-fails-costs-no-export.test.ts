import { type Context, type ContextManager, context, ROOT_CONTEXT } from '@opentelemetry/api'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { pushPipeline } from './support/pipeline.ts'

/** One of the application's own. */
class BrokenContextManager implements ContextManager {
  active(): Context {
    return ROOT_CONTEXT
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(): ReturnType<F> {
    throw new Error('no context')
  }
  bind<T>(_context: Context, target: T): T {
    return target
  }
  enable(): this {
    return this
  }
  disable(): this {
    return this
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => {
  context.disable()
  vi.useRealTimers()
})

test('an export is made once, though tracing cannot be suppressed', async () => {
  const { exporter, counter, interval, stats } = pushPipeline()
  context.setGlobalContextManager(new BrokenContextManager())
  counter.add(1)
  await interval()
  expect(exporter.calls).toHaveLength(1)
  expect(stats()).toMatchObject({ deliveredPoints: 1, pendingPoints: 0, failures: 0 })
})
