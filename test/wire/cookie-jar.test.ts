import { expect, it } from 'vitest'
import type { Message } from '../../machines/messages.ts'
import { CookieJar } from '../../src/wire/cookie-jar.ts'
import { maxCookiesHeld } from '../../src/wire/limits.ts'

const hello: readonly Message[] = [{ type: 'hello' }]
const challenge = (cookie: string, withheld: number) => ({ type: 'challenge', cookie, withheld }) as const

it('what was said without a cookie is said again with it, once, when answers were withheld', () => {
  const jar = new CookieJar<number>()
  expect(jar.cookieOf(0)).toBe('')
  jar.record(0, hello)
  expect(jar.take(0, challenge('a', 1))).toEqual(hello)
  expect(jar.cookieOf(0)).toBe('a')
  expect(jar.take(0, challenge('b', 1))).toEqual([])
  expect(jar.cookieOf(0)).toBe('b')
  jar.record(0, hello)
  expect(jar.take(0, challenge('c', 1))).toEqual([])
})

it('nothing is said again that was answered', () => {
  const jar = new CookieJar<number>()
  jar.record(0, hello)
  expect(jar.take(0, challenge('a', 0))).toEqual([])
})

it('each giver has its own, and a bounded number is held', () => {
  const jar = new CookieJar<number>()
  for (let giver = 0; giver <= maxCookiesHeld; giver += 1) jar.take(giver, challenge(`${giver}`, 0))
  expect(jar.cookieOf(0)).toBe('')
  expect(jar.cookieOf(1)).toBe('1')
})
