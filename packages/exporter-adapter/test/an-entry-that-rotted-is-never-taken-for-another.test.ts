import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
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
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 2 ** 32 - 1 }), body, (version, rest) => {
        expect(decodeEntry(Buffer.concat([preambleOf(version), rest]))).toEqual({ type: 'newer', version })
      }),
    )
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
