import { describe, expect, it } from 'vitest'
import { Resolver, retryAfterMs, whyUnresolved } from '../../src/network/resolver.ts'

/** A resolver whose look-ups end when the test says so, on a clock that the test sets. */
class Harness {
  readonly asked: string[] = []
  nowMs = 0
  most = 0
  readonly resolver: Resolver
  readonly #open: {
    readonly resolve: (ips: readonly string[]) => void
    readonly reject: (e: Error) => void
  }[] = []

  constructor() {
    this.resolver = new Resolver(
      (name) =>
        new Promise((resolve, reject) => {
          this.asked.push(name)
          this.#open.push({ resolve, reject })
          this.most = Math.max(this.most, this.#open.length)
        }),
      () => this.nowMs,
    )
  }

  async find(...ips: string[]): Promise<void> {
    this.#open.shift()?.resolve(ips)
    await settled()
  }

  async fail(): Promise<void> {
    this.#open.shift()?.reject(new Error('ENOTFOUND'))
    await settled()
  }
}

/** What was promised has been done. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

const ageMs = 60_000

describe('the resolver', () => {
  it('tells a name that has no address from one that is not looked up yet', async () => {
    const harness = new Harness()
    const { resolver } = harness
    resolver.addressesOf('a', ageMs)
    expect(whyUnresolved('a:1', resolver)).toBeNull()
    await harness.fail()
    expect(whyUnresolved('a:1', resolver)).toBe('the name a has no IP address')
    expect(whyUnresolved('127.0.0.1:1', resolver)).toBeNull()
    harness.nowMs = retryAfterMs
    resolver.addressesOf('a', ageMs)
    await harness.find('10.0.0.1')
    expect(whyUnresolved('a:1', resolver)).toBeNull()
  })

  it('answers at once with what it knows, and looks up in the background', async () => {
    const { resolver, asked } = new Harness()
    expect(resolver.addressesOf('a', ageMs)).toEqual([])
    expect(resolver.isLookingUp).toBe(true)
    expect(asked).toEqual(['a'])
  })

  it('looks one name up at a time, however many are asked for and however often', async () => {
    const harness = new Harness()
    const { resolver } = harness
    for (let round = 0; round < 100; round += 1) {
      for (const name of ['a', 'b', 'c']) resolver.addressesOf(name, ageMs)
    }
    expect(harness.asked).toEqual(['a'])
    await harness.find('10.0.0.1')
    expect(harness.asked).toEqual(['a', 'b'])
    await harness.find('10.0.0.2')
    await harness.find('10.0.0.3')
    expect(harness.asked).toEqual(['a', 'b', 'c'])
    expect(harness.most).toBe(1)
    expect(resolver.isLookingUp).toBe(false)
    expect(['a', 'b', 'c'].map((name) => resolver.addressesOf(name, ageMs))).toEqual([
      ['10.0.0.1'],
      ['10.0.0.2'],
      ['10.0.0.3'],
    ])
    expect(harness.asked).toHaveLength(3)
  })

  it('whose name server never answers keeps nobody waiting, and takes one look-up', async () => {
    const harness = new Harness()
    for (let second = 0; second < 1_000; second += 1) {
      harness.nowMs += 1_000
      for (const name of ['a', 'b', 'c']) expect(harness.resolver.addressesOf(name, 0)).toEqual([])
    }
    await settled()
    expect(harness.asked).toEqual(['a'])
  })

  it('keeps what it knew while the name server is silent or fails, and takes a changed answer', async () => {
    const harness = new Harness()
    const addresses = () => harness.resolver.addressesOf('a', ageMs)
    addresses()
    await harness.find('10.0.0.1', '::1')
    harness.nowMs += ageMs
    expect(addresses()).toEqual(['10.0.0.1', '::1'])
    expect(harness.asked).toHaveLength(2)
    await harness.fail()
    expect(addresses()).toEqual(['10.0.0.1', '::1'])
    harness.nowMs += ageMs
    addresses()
    await harness.find('10.0.0.9')
    expect(addresses()).toEqual(['10.0.0.9'])
  })

  it('looks up again what it did not find, once a second', async () => {
    const harness = new Harness()
    const addresses = () => harness.resolver.addressesOf('a', ageMs)
    addresses()
    await harness.fail()
    addresses()
    expect(harness.asked).toHaveLength(1)
    harness.nowMs += retryAfterMs
    expect(addresses()).toEqual([])
    expect(harness.asked).toHaveLength(2)
    await harness.find('10.0.0.1')
    expect(addresses()).toEqual(['10.0.0.1'])
  })

  it('that is asked to look again does so once a second at most', async () => {
    const harness = new Harness()
    harness.resolver.addressesOf('a', 0)
    await harness.find('10.0.0.1')
    for (let ms = 0; ms < 10_000; ms += 100) {
      harness.nowMs += 100
      harness.resolver.addressesOf('a', 0)
      await harness.find('10.0.0.1')
    }
    expect(harness.asked).toHaveLength(11)
  })

  it('notifies those who wait for a name when it was looked up, found or not', async () => {
    const harness = new Harness()
    const found = harness.resolver.resolve('a')
    const alsoFound = harness.resolver.resolve('a')
    const notFound = harness.resolver.resolve('b')
    await harness.find('10.0.0.1')
    expect(await found).toEqual(['10.0.0.1'])
    expect(await alsoFound).toEqual(['10.0.0.1'])
    await harness.fail()
    expect(await notFound).toEqual([])
    expect(await harness.resolver.resolve('a')).toEqual(['10.0.0.1'])
    expect(harness.asked).toEqual(['a', 'b'])
  })

  it('remembers a bounded number of names', async () => {
    const resolver = new Resolver(async () => ['10.0.0.1'])
    for (let name = 0; name < 1_001; name += 1) await resolver.resolve(`n${name}`)
    expect(resolver.addressesOf('n1000', ageMs)).toEqual(['10.0.0.1'])
    expect(resolver.addressesOf('n0', ageMs)).toEqual([])
  })

  it('takes what the hosts file says', async () => {
    const ips = await new Resolver().resolve('localhost')
    expect(ips).toContain('127.0.0.1')
    expect(ips[0]).toBe('127.0.0.1')
  })
})
