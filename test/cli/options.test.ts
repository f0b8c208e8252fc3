import { InvalidArgumentError } from 'commander'
import { describe, expect, test } from 'vitest'
import {
  formatMembers,
  parseDuration,
  parseHost,
  parseListenAddress,
  parseMember,
  parseMembers,
  parseNodeId,
  parseReachableAddress,
  parseServers,
  parseToken,
  parseWebSocketUrl,
  wholeNumber,
} from '../../src/cli/options.ts'

/** Every value is refused, with what is told of it. */
function refuses(parse: (value: string) => unknown, told: Record<string, string>): void {
  for (const [value, message] of Object.entries(told)) {
    let error: unknown = null
    try {
      parse(value)
    } catch (thrown) {
      error = thrown
    }
    expect(error, value).toBeInstanceOf(InvalidArgumentError)
    expect((error as Error).message, value).toContain(message)
  }
}

describe('an address', () => {
  test('is a host and a port', () => {
    for (const address of ['127.0.0.1:29367', 'localhost:1', '[::1]:65535', '0.0.0.0:29367']) {
      expect(parseListenAddress(address)).toBe(address)
    }
  })

  test('is the same in every spelling', () => {
    for (const [given, canonical] of [
      ['[0:0:0:0:0:0:0:1]:1', '[::1]:1'],
      ['[2001:DB8::00A]:1', '[2001:db8::a]:1'],
      ['[::ffff:127.0.0.1]:1', '127.0.0.1:1'],
      ['LocalHost:1', 'localhost:1'],
      ['[FE80::1%eth0]:1', '[fe80::1%eth0]:1'],
    ] as const) {
      expect(parseListenAddress(given)).toBe(canonical)
      expect(parseReachableAddress(given)).toBe(canonical)
    }
  })

  test('is refused, with the value, when it is none', () => {
    const none = (value: string) => `'${value}' is not an address`
    const values = [
      '',
      'a',
      ':1',
      'a:',
      'a:65536',
      'a:-1',
      'a:1:2',
      '::1:5',
      'a b:1',
      'a:1 ',
      '127.1:1',
      '[a]:1',
    ]
    refuses(parseListenAddress, Object.fromEntries(values.map((value) => [value, none(value)])))
    refuses(parseListenAddress, { 'a:0': "'a:0' has port 0" })
  })

  test('that nobody can send to is refused where others are to find a server', () => {
    for (const address of ['0.0.0.0:1', '[::]:1']) expect(parseListenAddress(address)).toBe(address)
    const refused = {
      '0.0.0.0:1': "'0.0.0.0:1' is not an address to send to: other machines cannot send to it",
      '[::]:1': 'other machines cannot send to it',
      '[::ffff:0.0.0.0]:1': 'other machines cannot send to it',
      'a:0': 'no datagram can be sent to port 0',
      '255.255.255.255:1': 'an address of many machines',
      '224.0.0.1:1': 'an address of many machines',
      '[ff02::1]:1': 'an address of many machines',
      '[fe80::1]:1': 'needs its interface: give it as [fe80::1%eth0]:1',
    }
    refuses(parseReachableAddress, refused)
    refuses(parseListenAddress, { '224.0.0.1:1': 'many machines', '[fe80::1]:1': 'needs its interface' })
  })
})

test('the address of a WebSocket says so', () => {
  for (const url of ['ws://localhost:8080', 'wss://a.example/b']) expect(parseWebSocketUrl(url)).toBe(url)
  const values = ['', 'localhost:8080', 'http://localhost:8080', 'ws://']
  const none = (value: string) => `'${value}' is not the URL of a WebSocket`
  refuses(parseWebSocketUrl, Object.fromEntries(values.map((value) => [value, none(value)])))
})

test('a host stands alone', () => {
  expect(['127.0.0.1', 'localhost', '::1', '0::1'].map(parseHost)).toEqual([
    '127.0.0.1',
    'localhost',
    '::1',
    '::1',
  ])
  refuses(parseHost, {
    '': "'' is not a host",
    'a:1': "'a:1' is not a host",
    '0.0.0.0': 'other machines cannot send to it',
    '::': 'other machines cannot send to it',
    '224.0.0.1': 'many machines',
  })
})

test('servers are addresses, each asked once', () => {
  expect(parseServers('a:1, b:2,A:1')).toEqual(['a:1', 'b:2'])
  expect(parseServers('[::1]:1,[0::1]:1')).toEqual(['[::1]:1'])
  refuses(parseServers, {
    '': "''",
    'a:1,': "''",
    'a:1,b': "'b'",
    'a:1,0.0.0.0:2': "'0.0.0.0:2' is not an address to send to: other machines cannot send to it",
  })
})

describe('members', () => {
  test('are ids with addresses', () => {
    expect(parseMember('3=127.0.0.1:29370')).toEqual({ id: 3, address: '127.0.0.1:29370' })
    const members = [
      { id: 0, address: 'a:1' },
      { id: 7, address: '[::1]:2' },
    ]
    expect(parseMembers('0=a:1, 7=[::1]:2')).toEqual(members)
    expect(parseMembers(formatMembers(members))).toEqual(members)
  })

  test('are refused, with what is wrong', () => {
    refuses(parseMembers, {
      '': "'' is not a member",
      'a:1': "'a:1' is not a member: give ID=HOST:PORT",
      '-1=a:1': "'-1=a:1' is not a member",
      '0=a': "'a' is not an address",
      '0=a:1,': "'' is not a member",
      '0=a:1,0=b:2': 'In it the id 0 appears twice',
      '0=a:1,1=a:1': 'In it the address a:1 appears twice',
      '0=[::1]:1,1=[0::1]:1': 'In it the address [::1]:1 appears twice',
      '1000000=a:1': 'from 0 to 999999',
      '0=0.0.0.0:1': 'other machines cannot send to it',
    })
  })
})

test('numbers are whole and within bounds', () => {
  expect(['0', '7', '999999'].map(parseNodeId)).toEqual([0, 7, 999_999])
  expect(['1', '3'].map(wholeNumber(1, 3))).toEqual([1, 3])
  refuses(
    wholeNumber(1, 3),
    Object.fromEntries(['', '0', '4', '-1', '1.5', '1e0', 'x', ' 1'].map((value) => [value, 'from 1 to 3'])),
  )
})

test('a token is read as it is printed', () => {
  expect(['1', '120'].map(parseToken)).toEqual([1, 120])
  refuses(
    parseToken,
    Object.fromEntries(['', '0', '01', '1.', '1.2', '-1', '1,2'].map((value) => [value, 'whole number'])),
  )
})

test('a duration is given in units, or in seconds', () => {
  expect(['5', '0.25', '.5', '2147483'].map(parseDuration)).toEqual([5_000, 250, 500, 2_147_483_000])
  expect(['5s', '1m30s', '2h', '250ms', '1.5s', '1h0m1s1ms'].map(parseDuration)).toEqual([
    5_000, 90_000, 7_200_000, 250, 1_500, 3_601_001,
  ])
  refuses(
    parseDuration,
    Object.fromEntries(
      [
        '',
        '0',
        '0s',
        '-1',
        '1.',
        'Infinity',
        '2147484',
        '1e3',
        '600h',
        '1s1m',
        '5 s',
        '1d',
        's',
        '0.4ms',
      ].map((value) => [value, 'such as 5s']),
    ),
  )
})
