import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { decodeEntry, encodeEntry, MAX_BODY_BYTES } from '../src/spool/spool-format.ts'

const body = fc.uint8Array({ maxLength: 300 })
const points = fc.nat(2 ** 32 - 1)

describe('an entry of the spool', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(body, points, (written, count) => {
        const read = decodeEntry(encodeEntry(written, count))
        expect(read).toEqual({ type: 'entry', body: Buffer.from(written), points: count })
      }),
    )
  })

  it('is unreadable with any bit flipped, also those of its version', () => {
    const entry = encodeEntry(Buffer.from('forty-two requests'), 42)
    for (let bit = 0; bit < entry.length * 8; bit++) {
      const rotted = Buffer.from(entry)
      rotted[bit >> 3]! ^= 1 << (bit & 7)
      expect(decodeEntry(rotted).type, `bit ${bit}`).toBe('unreadable')
    }
  })

  it('is unreadable at any other length', () => {
    const entry = encodeEntry(Buffer.from('forty-two requests'), 42)
    for (let length = 0; length < entry.length; length++) {
      expect(decodeEntry(entry.subarray(0, length)).type, `${length} bytes`).toBe('unreadable')
    }
    expect(decodeEntry(Buffer.concat([entry, Buffer.alloc(1)])).type).toBe('unreadable')
  })

  it('does not throw on anything', () => {
    const prefixed = body.map((rest) => Buffer.concat([encodeEntry(Buffer.alloc(0), 0).subarray(0, 20), rest]))
    fc.assert(
      fc.property(fc.oneof(body, prefixed), (anything) => {
        expect(decodeEntry(anything).type).toBe('unreadable')
      }),
    )
  })

  it('of a newer format is known as such, whatever follows its first 16 bytes', () => {
    const newer = fc.tuple(fc.nat(0xffff), fc.integer({ min: 2, max: 0xffff })).map(([v8, ours]) => v8 * 0x10000 + ours)
    fc.assert(
      fc.property(newer, body, (version, rest) => {
        expect(decodeEntry(Buffer.concat([preambleOf(version), rest]))).toEqual({ type: 'newer', version })
      }),
    )
  })

  it('of a newer V8 is known as such, as it cannot be read', async () => {
    vi.resetModules()
    vi.doMock('node:v8', async (original) => {
      const v8 = await original<typeof import('node:v8')>()
      const wireVersion = v8.serialize(undefined)[1]!
      return { ...v8, serialize: () => Buffer.of(0xff, wireVersion + 1) }
    })
    const ofNewerV8 = await import('../src/spool/spool-format.ts')
    vi.doUnmock('node:v8')
    const entry = ofNewerV8.encodeEntry(Buffer.from('body'), 1)
    expect(decodeEntry(entry).type).toBe('newer')
    expect(ofNewerV8.decodeEntry(entry).type).toBe('entry')
    expect(ofNewerV8.decodeEntry(encodeEntry(Buffer.from('body'), 1)).type).toBe('entry')
  })

  it('says what it counts for though its body has rotted, unless that cannot be', () => {
    const entry = Buffer.from(encodeEntry(Buffer.from('forty-two requests'), 7))
    entry[entry.length - 1]! ^= 1
    expect(decodeEntry(entry)).toMatchObject({ type: 'unreadable', points: 7 })
    expect(decodeEntry(entry.subarray(0, 30))).toMatchObject({ type: 'unreadable', points: 7 })
    expect(decodeEntry(entry.subarray(0, 27))).toMatchObject({ type: 'unreadable', points: undefined })
    entry.writeUInt32LE(2 ** 31 + 7, 16)
    expect(decodeEntry(entry)).toMatchObject({ type: 'unreadable', points: undefined })
  })

  it('has no version 0', () => {
    expect(decodeEntry(preambleOf(0)).type).toBe('unreadable')
  })

  it('is read where it does not lie at the start of its memory', () => {
    const entry = encodeEntry(Buffer.from('body'), 1)
    const shifted = Buffer.concat([Buffer.alloc(3), entry]).subarray(3)
    expect(decodeEntry(shifted)).toMatchObject({ type: 'entry', points: 1 })
  })

  it('is checked as a whole where the checksum is made in slices', () => {
    const large = Buffer.alloc(9 * 2 ** 20, 'sluice')
    const entry = Buffer.from(encodeEntry(large, 1))
    expect(decodeEntry(entry).type).toBe('entry')
    entry[entry.length - 1]! ^= 1
    expect(decodeEntry(entry).type).toBe('unreadable')
  })

  it('has points and a size that fit, or none is made', () => {
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 32]) {
      expect(() => encodeEntry(Buffer.alloc(0), wrong)).toThrow(RangeError)
    }
    const tooLarge = { length: MAX_BODY_BYTES + 1 } as Uint8Array
    expect(() => encodeEntry(tooLarge, 1)).toThrow(RangeError)
  })
})

/** The first 16 bytes of every version, as documented. */
function preambleOf(version: number): Buffer {
  const preamble = Buffer.alloc(16)
  preamble.write('SLUICE\r\n', 'latin1')
  preamble.writeUInt32LE(version, 8)
  preamble.writeUInt32LE(crc32(preamble.subarray(0, 12)), 12)
  return preamble
}
