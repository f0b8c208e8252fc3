import { describe, expect, it } from 'vitest'
import { Resolver } from '../../src/network/resolver.ts'
import { Route } from '../../src/network/route.ts'

/** What is promised has been done. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** A way to `address`, whose name has `ips` as long as the test does not change them. */
function routeTo(address: string, ips: string[], isUsable = (_: string) => true) {
  const clock = { nowMs: 0 }
  const nowMs = () => clock.nowMs
  let lookUps = 0
  const lookUp = async () => {
    lookUps += 1
    return [...ips]
  }
  const route = new Route(address, new Resolver(lookUp, nowMs), { isUsable, nowMs })
  return { route, clock, ips, lookUps: () => lookUps }
}

describe('the way to a server', () => {
  it('of an IP address is known at once, and nothing is looked up', () => {
    const { route, lookUps } = routeTo('[fe80::1%eth0]:5', [])
    expect(route.next()).toEqual({ ip: 'fe80::1%eth0', port: 5 })
    expect(route.isAt('[fe80::1%eth0]:5')).toBe(true)
    expect(route.isAt('[fe80::1%eth0]:6')).toBe(false)
    expect(lookUps()).toBe(0)
  })

  it('of a name is known once it was looked up', async () => {
    const { route } = routeTo('a:5', ['10.0.0.1', '::1'])
    expect(route.next()).toBeNull()
    await route.resolved()
    expect(route.next()).toEqual({ ip: '10.0.0.1', port: 5 })
    expect(route.isAt('[::1]:5')).toBe(true)
    expect(route.isAt('[::2]:5')).toBe(false)
  })

  it('leaves out addresses that the socket cannot send to', async () => {
    const { route } = routeTo('a:5', ['10.0.0.1', '::1'], (ip) => ip.includes(':'))
    await route.resolved()
    expect(route.next()).toEqual({ ip: '::1', port: 5 })
  })

  it('to one that answers stays as it is, and is looked up again each minute', async () => {
    const { route, clock, lookUps } = routeTo('a:5', ['10.0.0.1', '10.0.0.2'])
    await route.resolved()
    for (let second = 0; second < 600; second += 1) {
      clock.nowMs += 1_000
      expect(route.next()?.ip).toBe('10.0.0.1')
      route.answered()
      await settled()
    }
    expect(lookUps()).toBe(11)
  })

  it('to one that is silent is looked up again, and leads to each of its addresses in turn', async () => {
    const { route, clock, ips } = routeTo('a:5', ['10.0.0.1', '10.0.0.2'])
    await route.resolved()
    const seen: (string | undefined)[] = []
    for (let tries = 0; tries < 80; tries += 1) {
      clock.nowMs += 100
      const ip = route.next()?.ip
      if (ip !== seen.at(-1)) seen.push(ip)
      await settled()
    }
    expect(seen.slice(0, 4)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.1', '10.0.0.2'])
    ips.splice(0, 2, '10.0.0.9')
    for (let tries = 0; tries < 40; tries += 1) {
      clock.nowMs += 100
      route.next()
      await settled()
    }
    expect(route.next()?.ip).toBe('10.0.0.9')
  })

  it('to one that was sent little is not given up for a long time without an answer', async () => {
    const { route, clock } = routeTo('a:5', ['10.0.0.1', '10.0.0.2'])
    await route.resolved()
    for (let sends = 0; sends < 3; sends += 1) {
      clock.nowMs += 100_000
      expect(route.next()?.ip).toBe('10.0.0.1')
    }
  })
})
