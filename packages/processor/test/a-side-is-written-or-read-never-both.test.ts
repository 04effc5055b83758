import { describe, expect, test } from 'vitest'
import { DoubleBuffer } from '../src/core/double-buffer.ts'

const sides = () => new DoubleBuffer<{ name: string }>({ name: 'a' }, { name: 'b' })

describe('a double buffer', () => {
  test('freezing hands out the side that was hot and makes the other one hot', () => {
    const buffer = sides()
    const before = buffer.hot
    expect(buffer.freeze()).toBe(before)
    expect(buffer.hot).not.toBe(before)
  })

  test('a released side becomes hot again at the next freeze', () => {
    const buffer = sides()
    const first = buffer.freeze()
    buffer.release(first)
    buffer.freeze()
    expect(buffer.hot).toBe(first)
  })

  test('freezing throws while the side frozen before is not released', () => {
    const buffer = sides()
    buffer.freeze()
    expect(() => buffer.freeze()).toThrow(/has not been released/)
  })

  test('releasing twice throws', () => {
    const buffer = sides()
    const frozen = buffer.freeze()
    buffer.release(frozen)
    expect(() => buffer.release(frozen)).toThrow(/not frozen here/)
  })

  test('releasing the hot side or one from another buffer throws, and the frozen side stays frozen', () => {
    const buffer = sides()
    const frozen = buffer.freeze()
    expect(() => buffer.release(buffer.hot)).toThrow(/not frozen here/)
    expect(() => buffer.release(sides().hot)).toThrow(/not frozen here/)
    expect(() => buffer.freeze()).toThrow(/has not been released/)
    buffer.release(frozen)
  })
})
