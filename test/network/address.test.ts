import { isIP, isIPv4 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  canonicalAddress,
  formatAddress,
  isReachable,
  isWildcard,
  listenAddress,
  parseAddress,
  reachableAddress,
} from '../../src/network/address.ts'

/** An IPv6 address of eight parts, spelled in one of the ways that people use. */
const spelledIpv6 = fc
  .tuple(
    fc.array(fc.oneof(fc.constant(0), fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 }),
    fc.boolean(),
    fc.boolean(),
    fc.nat(7),
  )
  .map(([parts, inCapitals, isPadded, from]) => {
    const texts = parts.map((part) => part.toString(16).padStart(isPadded ? 4 : 1, '0'))
    const zeros = parts.slice(from).findIndex((part) => part !== 0)
    const count = zeros === -1 ? 8 - from : zeros
    const head = texts.slice(0, from).join(':')
    const tail = texts.slice(from + count).join(':')
    const spelled = count < 2 ? texts.join(':') : `${head}::${tail}`
    return { parts, spelled: inCapitals ? spelled.toUpperCase() : spelled }
  })

describe('an address', () => {
  it.each([
    ['127.0.0.1:29367', '127.0.0.1:29367'],
    ['[::FFFF:127.0.0.1]:5', '127.0.0.1:5'],
    ['[0:0:0:0:0:ffff:7f00:1]:5', '127.0.0.1:5'],
    ['[0:0:0:0:0:0:0:1]:5', '[::1]:5'],
    ['[2001:DB8:0:0:1:0:0:1]:5', '[2001:db8::1:0:0:1]:5'],
    ['[2001:db8::0:1:1:1:1]:5', '[2001:db8::1:1:1:1]:5'],
    ['[2001:db8:0:1::1]:5', '[2001:db8:0:1::1]:5'],
    ['[2001:db8:0:1:1:1:1:1]:5', '[2001:db8:0:1:1:1:1:1]:5'],
    ['[0:0:1:0:0:1:0:0]:5', '[::1:0:0:1:0:0]:5'],
    ['[::127.0.0.1]:5', '[::7f00:1]:5'],
    ['[FE80::1%eth0.100]:5', '[fe80::1%eth0.100]:5'],
    ['Server-0.Example.ORG:5', 'server-0.example.org:5'],
    ['0.0.0.0:0', '0.0.0.0:0'],
  ])('%s is %s in canonical form', (given, canonical) => {
    expect(canonicalAddress(given)).toBe(canonical)
    expect(canonicalAddress(canonical)).toBe(canonical)
  })

  it('has one canonical form in every spelling, and it means the same', () => {
    fc.assert(
      fc.property(spelledIpv6, fc.nat(65_535), ({ parts, spelled }, port) => {
        expect(isIP(spelled), spelled).toBe(6)
        const plain = parts.map((part) => part.toString(16)).join(':')
        const canonical = canonicalAddress(`[${spelled}]:${port}`)
        expect(canonical).toBe(canonicalAddress(`[${plain}]:${port}`))
        expect(canonicalAddress(canonical)).toBe(canonical)
        expect(formatAddress({ address: spelled, port })).toBe(canonical)
        const { kind, host } = parseAddress(canonical)
        if (kind === 'ipv6') expect(new URL(`http://[${spelled}]/`).hostname).toBe(`[${host}]`)
        else expect(isIPv4(host)).toBe(true)
      }),
    )
  })

  it('is an IP address exactly where Node.js takes it for one', () => {
    const text = fc.string({ unit: fc.constantFrom(...'01af:.'), maxLength: 24 })
    fc.assert(
      fc.property(text, (host) => {
        const parse = () => parseAddress(host.includes(':') ? `[${host}]:1` : `${host}:1`)
        if (isIP(host) === 0) {
          let kind = 'none'
          try {
            kind = parse().kind
          } catch {
            // No name either.
          }
          expect(['none', 'name']).toContain(kind)
        } else expect(['ipv4', 'ipv6']).toContain(parse().kind)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    '',
    ':1',
    'a:',
    'a',
    'a:65536',
    'a:-1',
    'a b:1',
    '::1:5',
    '[::1]',
    '[::1]:5 ',
    '[::1:5',
    '[1::2::3]:5',
    '[12345::]:5',
    '[1:2:3:4:5:6:7:8:9]:5',
    '[::1%lo]:5',
    '[::ffff:127.0.0.1%eth0]:5',
    '[fe80::1%]:5',
    '[fe80::1%a%b]:5',
    '[fe80::1%a/b]:5',
    '[::ffff:0x7f.0.0.1]:5',
    '[::ffff:127.0.0.256]:5',
    '[127.0.0.1]:5',
    '127.1:5',
    '127.0.0.01:5',
    '256.0.0.1:5',
    '0x7f.0.0.1:5',
    '2130706433:5',
    'a..b:5',
    `${'a'.repeat(64)}.b:5`,
    `${'a.'.repeat(130)}b:5`,
    'zürich:5',
    'a\u0000:5',
  ])('is none: %j', (text) => {
    expect(() => parseAddress(text)).toThrow(RangeError)
    expect(() => parseAddress(text)).toThrow(`'${text}' is not an address: `)
    expect(isReachable(text)).toBe(false)
  })

  it.each([
    ['0.0.0.0:1', 'other machines cannot send to it'],
    ['0.1.2.3:1', 'other machines cannot send to it'],
    ['[::]:1', 'other machines cannot send to it'],
    ['[::ffff:0.0.0.0]:1', 'other machines cannot send to it'],
    ['127.0.0.1:0', 'port 0'],
    ['a:0', 'port 0'],
    ['255.255.255.255:1', 'many machines'],
    ['239.1.1.1:1', 'many machines'],
    ['[ff02::1]:1', 'many machines'],
    ['[fe80::1]:1', 'give it as [fe80::1%eth0]:1'],
  ])('that nobody can send to is refused, with the reason: %s', (text, why) => {
    expect(isReachable(text)).toBe(false)
    expect(() => reachableAddress(text)).toThrow(why)
    expect(() => reachableAddress(text)).toThrow(`'${text}' is not an address to send to: `)
  })

  it('may be listened on although other machines cannot send to it', () => {
    expect(listenAddress('[0::0]:0')).toBe('[::]:0')
    expect(listenAddress('127.0.0.1:0')).toBe('127.0.0.1:0')
    expect(['0.0.0.0:1', '[::]:1', '127.0.0.1:1', '[::1]:1', 'a:1'].map(isWildcard)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
    expect(() => listenAddress('224.0.0.1:1')).toThrow("'224.0.0.1:1' is not an address to listen on: ")
  })
})
