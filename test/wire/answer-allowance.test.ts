import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerAllowance } from '../../src/wire/answer-allowance.ts'
import { Cookies, isSame } from '../../src/wire/cookies.ts'
import { cookieEpochMs, maxProvenAddresses, maxStrangers } from '../../src/wire/limits.ts'

const here = '127.0.0.1:1'
const there = '[::1]:2'

/** With a clock that a test sets. */
function allowanceAt(startMs = 0) {
  const time = { nowMs: startMs }
  const allowance = new AnswerAllowance(() => time.nowMs)
  return { time, allowance }
}

describe('a cookie', () => {
  it('is of its address and its server, for this epoch and the next', () => {
    let nowMs = 0
    const cookies = new Cookies(() => nowMs)
    const cookie = cookies.cookieOf(here)
    expect(cookie).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect(cookies.epochOf(here, cookie)).toBe(0)
    expect(cookies.epochOf(there, cookie)).toBeNull()
    expect(new Cookies(() => nowMs).epochOf(here, cookie)).toBeNull()
    nowMs = 2 * cookieEpochMs - 1
    expect(cookies.epochOf(here, cookie)).toBe(0)
    nowMs = 2 * cookieEpochMs
    expect(cookies.epochOf(here, cookie)).toBeNull()
  })

  it('is the same only as itself', () => {
    expect(isSame('abc', 'abc')).toBe(true)
    expect(isSame('abc', 'abd')).toBe(false)
    expect(isSame('abc', 'abcd')).toBe(false)
  })
})

describe('an address that has not echoed its cookie', () => {
  it('is sent three times what came from it at most, in any order of arrivals and departures', () => {
    const step = fc.record({ came: fc.nat({ max: 70_000 }), wanted: fc.nat({ max: 200_000 }) })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { allowance } = allowanceAt()
        let [came, left] = [0, 0]
        for (const step of steps) {
          allowance.receive(here, step.came, undefined)
          came += step.came
          const sent = Math.min(step.wanted, allowance.leftBytes(here))
          allowance.spend(here, sent)
          left += sent
          expect(left).toBeLessThanOrEqual(3 * came)
        }
      }),
    )
  })

  it('is not asked to echo one unless it says that it does', () => {
    const { allowance } = allowanceAt()
    allowance.receive(here, 10, undefined)
    expect(allowance.needsCookie(here)).toBe(false)
    allowance.receive(here, 10, '')
    expect(allowance.needsCookie(here)).toBe(true)
  })

  it('proves nothing with the cookie of another', () => {
    const { allowance } = allowanceAt()
    expect(allowance.receive(here, 10, allowance.cookieOf(there))).toBe(false)
    expect(allowance.isProven(here)).toBe(false)
    expect(allowance.leftBytes(here)).toBe(30)
  })
})

describe('an address that echoed its cookie', () => {
  it('is answered each question, until the cookie is two epochs old', () => {
    const { allowance, time } = allowanceAt()
    const cookie = allowance.cookieOf(here)
    expect(allowance.receive(here, 10, cookie)).toBe(true)
    expect(allowance.leftBytes(here)).toBe(Number.POSITIVE_INFINITY)
    expect(allowance.needsCookie(here)).toBe(false)
    time.nowMs = cookieEpochMs
    expect(allowance.receive(here, 10, cookie)).toBe(true)
    expect(allowance.needsCookie(here)).toBe(true)
    time.nowMs = 2 * cookieEpochMs
    expect(allowance.isProven(here)).toBe(false)
    expect(allowance.leftBytes(here)).toBe(0)
    expect(allowance.receive(here, 10, cookie)).toBe(false)
    expect(allowance.leftBytes(here)).toBe(30)
  })

  it('goes on with the new one, and an old copy does not take it back', () => {
    const { allowance, time } = allowanceAt()
    const old = allowance.cookieOf(here)
    allowance.receive(here, 10, old)
    time.nowMs = cookieEpochMs
    allowance.receive(here, 10, allowance.cookieOf(here))
    expect(allowance.needsCookie(here)).toBe(false)
    allowance.receive(here, 10, old)
    expect(allowance.needsCookie(here)).toBe(false)
  })

  it('gives way to no stranger, of whom a bounded number is remembered', () => {
    const { allowance } = allowanceAt()
    allowance.receive(here, 10, allowance.cookieOf(here))
    for (let port = 0; port < maxStrangers + 10; port += 1)
      allowance.receive(`10.0.0.1:${port}`, 10, undefined)
    expect(allowance.isProven(here)).toBe(true)
    expect(allowance.sizes).toEqual({ proven: 1, strangers: maxStrangers })
    expect(allowance.leftBytes('10.0.0.1:0')).toBe(0)
  })

  it('is one of a bounded number', () => {
    const { allowance } = allowanceAt()
    for (let port = 0; port < maxProvenAddresses + 10; port += 1) {
      allowance.receive(`10.0.0.1:${port}`, 10, allowance.cookieOf(`10.0.0.1:${port}`))
    }
    expect(allowance.sizes).toEqual({ proven: maxProvenAddresses, strangers: 0 })
  })
})
