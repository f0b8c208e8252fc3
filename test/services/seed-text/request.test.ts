import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maxLockNameLength } from '../../../src/services/lock.ts'
import { quoted } from '../../../src/services/seed-text/python-literal.ts'
import { formatRespond, parseSeedText } from '../../../src/services/seed-text/request.ts'
import { seedRequests } from '../../support/arbitraries.ts'

/** What a request of `tuple` asks for, and what it is answered; the fault when there is one. */
function asked(tuple: string): unknown {
  const requests = parseSeedText(`REQUEST:-1:-1:${tuple}`)
  if ('fault' in requests) return requests.fault
  const [{ seq, action, name, tuple: answer } = { seq: -1, action: '', name: '', tuple: '' }] = requests
  return [seq, action, name, answer]
}

const longest = 'n'.repeat(maxLockNameLength)

describe('the seed’s text', () => {
  it.each([
    ["(21,'LOCK','a')", [21, 'LOCK', 'a', "(21, 'LOCK', 'a')"]],
    ['( 21 ,"lock",\t"a" )', [21, 'LOCK', 'a', "(21, 'LOCK', 'a')"]],
    ["(0,'UnLOCK','a b')", [0, 'UNLOCK', 'a b', "(0, 'UNLOCK', 'a b')"]],
    ["(21,'LOCK','a',)", [21, 'LOCK', 'a', "(21, 'LOCK', 'a')"]],
    ["(2,'LOCK',7)", [2, 'LOCK', '7', "(2, 'LOCK', 7)"]],
    ["(2,'LOCK',-7)", [2, 'LOCK', '-7', "(2, 'LOCK', -7)"]],
    ["(2L,'LOCK',4L)", [2, 'LOCK', '4', "(2L, 'LOCK', 4L)"]],
    ["(2,u'LOCK',u'p3')", [2, 'LOCK', 'p3', "(2, u'LOCK', u'p3')"]],
    ["(2,'LOCK',b'p3')", [2, 'LOCK', 'p3', "(2, 'LOCK', b'p3')"]],
    [`(1,'LOCK',"it's")`, [1, 'LOCK', "it's", `(1, 'LOCK', "it's")`]],
    [`(1,'LOCK','say "a"')`, [1, 'LOCK', 'say "a"', `(1, 'LOCK', 'say "a"')`]],
    [`(1,'LOCK','it\\'s "a"')`, [1, 'LOCK', `it's "a"`, `(1, 'LOCK', 'it\\'s "a"')`]],
    ["(1,'LOCK','a\\\\b')", [1, 'LOCK', 'a\\b', "(1, 'LOCK', 'a\\\\b')"]],
    ["(1,'LOCK','a\\nb\\t\\x00')", [1, 'LOCK', 'a\nb\t\0', "(1, 'LOCK', 'a\\nb\\t\\x00')"]],
    ["(1,'LOCK','é')", [1, 'LOCK', 'é', "(1, 'LOCK', 'é')"]],
    ["(1,'LOCK',u'\\xe9\\u20ac\\U0001f600')", [1, 'LOCK', 'é€😀', "(1, 'LOCK', u'\\xe9\\u20ac\\U0001f600')"]],
    ["(1,'LOCK','\\u200b')", [1, 'LOCK', '\u200b', "(1, 'LOCK', '\\u200b')"]],
    ["(2251799813685247,'LOCK','a')", [2 ** 51 - 1, 'LOCK', 'a', "(2251799813685247, 'LOCK', 'a')"]],
    [`(1,'LOCK','${longest}')`, [1, 'LOCK', longest, `(1, 'LOCK', '${longest}')`]],
  ])('%j is understood', (tuple, request) => {
    expect(asked(tuple)).toEqual(request)
  })

  it('is a request a line', () => {
    const lines = "REQUEST:0:3:(21,'LOCK','a')\r\n\nREQUEST:-1:-1:(22,'UNLOCK','a')\n"
    expect(parseSeedText(lines)).toMatchObject([
      { seq: 21, action: 'LOCK', name: 'a' },
      { seq: 22, action: 'UNLOCK', name: 'a' },
    ])
  })

  it.each([
    ["(2,'LOCK','c'", 'is not like'],
    ["(2,'LOCK')", 'is not like'],
    ["(2,'LOCK','c','d')", 'is not like'],
    ["(2,'LOCK','c',,)", 'begins neither'],
    ["(2 'LOCK','c')", 'is not like'],
    ["(-1,'LOCK','a')", 'not -1'],
    ["(1.5,'LOCK','a')", 'is not like'],
    ["('1','LOCK','a')", "not '1'"],
    ["(2251799813685248,'LOCK','a')", 'from 0 to 2251799813685247'],
    ["(1,'STEAL','a')", "not 'STEAL'"],
    ["(1,7,'a')", 'not 7'],
    ["(1,'LOCK','')", 'is empty'],
    [`(1,'LOCK','a")`, 'begins neither'],
    ["(1,'LOCK',a)", 'begins neither'],
    ["(1,'LOCK',007)", 'is not like'],
    ["(1,'LOCK','a\tb')", 'begins neither'],
    ["(1,'LOCK','a\\qb')", 'an escape'],
    ["(1,'LOCK','\\xg1')", 'an escape'],
    ["(1,'LOCK','\\U00110000')", 'an escape'],
    ["(1,'LOCK',b'\\u20ac')", 'an escape'],
    ["(1,'LOCK',b'é')", 'characters outside ASCII'],
    ["(1,'LOCK','\\ud800')", 'half of a surrogate pair'],
    [`(1,'LOCK','${longest}n')`, `${maxLockNameLength + 1} characters, above ${maxLockNameLength}`],
    ["(1,'LOCK','a') and more", 'is not like'],
  ])('%j is not, and it says why', (tuple, why) => {
    expect(asked(tuple)).toEqual(expect.stringContaining(why))
    expect(asked(tuple)).toEqual(expect.stringMatching(/^line 1: /))
  })

  it.each([
    ['REQUEST', 'line 1: '],
    ["REQUEST:-1-1:(5,'UNLOCK','c')", 'line 1: '],
    ["REQUEST:-1:-1:(1,'LOCK','a')\nPREPARE:0:0:x", 'line 2: '],
  ])('%j is not, and it says where', (text, where) => {
    expect(parseSeedText(text)).toEqual({ fault: expect.stringContaining(where) })
  })

  it('is answered with the tuple that was asked', () => {
    fc.assert(
      fc.property(seedRequests, (request) => {
        expect(parseSeedText(formatRespond(request).replace('RESPOND', 'REQUEST'))).toEqual([request])
      }),
    )
  })

  it('is refused in a time that grows with its length only', () => {
    const long = 'REQUEST:-1:-1:('.padEnd(1_000_000, "'\\'")
    const startMs = performance.now()
    expect(parseSeedText(long)).toHaveProperty('fault')
    expect(performance.now() - startMs).toBeLessThan(2_000)
  })
})

/** Whether this machine has a Python to ask. */
function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version'])
    return true
  } catch {
    return false
  }
}

describe.runIf(hasPython())('quoted text', () => {
  it('is what repr and ascii of Python write', () => {
    const texts = fc.sample(fc.string({ unit: 'binary', maxLength: 12 }), { numRuns: 500, seed: 7 })
    const all = [...texts, `'`, `"`, `'"`, '\\', '\n\r\t\0\x7f\x80\xa0\xad', '\u2028\u3000\ue000\u{1f600}']
    const program = `
import json, sys, unicodedata
for text in json.load(sys.stdin):
    assigned = all(unicodedata.category(c) != 'Cn' for c in text)
    print(json.dumps([repr(text), ascii(text)] if assigned else None))`
    const written = execFileSync('python3', ['-c', program], { input: JSON.stringify(all), encoding: 'utf8' })
    for (const [place, line] of written.trim().split('\n').entries()) {
      const forms = JSON.parse(line)
      const text = all[place] ?? ''
      // What is assigned to no character yet depends on the version of Unicode.
      if (forms !== null) expect([quoted(text), quoted(text, true)]).toEqual(forms)
    }
  })
})
