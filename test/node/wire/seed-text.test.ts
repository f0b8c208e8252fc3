import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatRespond, parseSeedText } from '../../../src/node/wire/seed-text.ts'
import { seedRequests } from '../../support/arbitraries.ts'

const lock = { seq: 21, action: 'LOCK', name: 'a' } as const

describe('the seed’s text', () => {
  it.each([
    ["REQUEST:-1:-1:(21,'LOCK','a')", [lock]],
    ["REQUEST:-1:-1:(21, 'LOCK', 'a')\n", [lock]],
    ['REQUEST:-1:-1:( 21 ,"lock", "a" )\r\n\n', [lock]],
    ["REQUEST:0:3:(21,'Lock','a')", [lock]],
    ["REQUEST:-1:-1:(0,'UnLOCK','a b')", [{ seq: 0, action: 'UNLOCK', name: 'a b' }]],
    [`REQUEST:-1:-1:(1,'LOCK',"it's")`, [{ seq: 1, action: 'LOCK', name: "it's" }]],
    [`REQUEST:-1:-1:(1,'LOCK','say "a"')`, [{ seq: 1, action: 'LOCK', name: 'say "a"' }]],
    ["REQUEST:-1:-1:(4503599627370496,'LOCK','a')", [{ ...lock, seq: 2 ** 52 }]],
    [
      "REQUEST:-1:-1:(21,'LOCK','a')\nREQUEST:-1:-1:(22,'UNLOCK','a')\n",
      [lock, { seq: 22, action: 'UNLOCK', name: 'a' }],
    ],
  ])('%j is understood', (text, requests) => {
    expect(parseSeedText(text)).toEqual(requests)
  })

  it.each([
    ['REQUEST', 'line 1: '],
    ["REQUEST:-1:-1:(2,'LOCK','c'", 'line 1: '],
    ["REQUEST:-1-1:(5,'UNLOCK','c')", 'line 1: '],
    ["REQUEST:-1:-1:(-1,'LOCK','a')", 'line 1: '],
    ["REQUEST:-1:-1:(1.5,'LOCK','a')", 'line 1: '],
    ["REQUEST:-1:-1:(4503599627370497,'LOCK','a')", 'above 2^52'],
    ["REQUEST:-1:-1:(1,'STEAL','a')", "not 'STEAL'"],
    ["REQUEST:-1:-1:(1,'LOCK','')", 'line 1: '],
    [`REQUEST:-1:-1:(1,'LOCK','a")`, 'line 1: '],
    ["REQUEST:-1:-1:(1,'LOCK','a\tb')", 'line 1: '],
    [`REQUEST:-1:-1:(1,'LOCK','${'a'.repeat(1_025)}')`, '1025 characters'],
    ["REQUEST:-1:-1:(1,'LOCK','a') and more", 'line 1: '],
    ["REQUEST:-1:-1:(1,'LOCK','a')\nPREPARE:0:0:x", 'line 2: '],
  ])('%j is not, and it says why', (text, why) => {
    expect(parseSeedText(text)).toEqual({ fault: expect.stringContaining(why) })
  })

  it('is answered in the seed’s words', () => {
    expect(formatRespond(lock)).toBe("RESPOND:-1:-1:(21, 'LOCK', 'a')")
    expect(formatRespond({ ...lock, name: "it's" })).toBe(`RESPOND:-1:-1:(21, 'LOCK', "it's")`)
  })

  it('is answered with the tuple that was asked', () => {
    fc.assert(
      fc.property(seedRequests, (request) => {
        expect(parseSeedText(formatRespond(request).replace('RESPOND', 'REQUEST'))).toEqual([request])
      }),
    )
  })
})
