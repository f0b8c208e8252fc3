import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../../machines/limits.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { systemResolver } from '../../src/network/resolver.ts'
import type { NodeOptions } from '../../src/node/node.ts'
import { startNode } from '../../src/node/node.ts'
import { commandWords } from '../../src/node/option-words.ts'
import { canonicalOptions } from '../../src/node/options.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'

const given: NodeOptions = { id: 0, dataDir: null, listen: '127.0.0.1:0' }

describe('the addresses in the options of a server', () => {
  it('are brought to their canonical form', () => {
    const options = canonicalOptions({
      ...given,
      listen: '[0:0::0]:29367',
      advertise: '[FE80::1%eth0]:29367',
      join: 'Server-1:29367',
      inspect: '[::ffff:127.0.0.1]:29400',
      bootstrap: { members: [{ id: 0, address: '[0::1]:29367' }] },
    })
    expect(options).toEqual({
      ...given,
      listen: '[::]:29367',
      advertise: '[fe80::1%eth0]:29367',
      join: 'server-1:29367',
      inspect: '127.0.0.1:29400',
      bootstrap: { members: [{ id: 0, address: '[::1]:29367' }] },
    })
  })

  it.each([
    ['listen', { listen: '127.0.0.1' }, "the option listen: '127.0.0.1' is not an address: give HOST:PORT"],
    [
      'advertise',
      { advertise: '0.0.0.0:1' },
      "the option advertise: '0.0.0.0:1' is not an address to send to",
    ],
    ['join', { join: 'a:0' }, "the option join: 'a:0' is not an address to send to"],
    ['inspect', { inspect: '[::1' }, "the option inspect: '[::1' is not an address"],
    [
      'bootstrap.members',
      { bootstrap: { members: [{ id: 0, address: '127.1:5' }] } },
      "the option bootstrap.members: '127.1:5' is not an address",
    ],
    ['a wildcard', { listen: '0.0.0.0:1' }, 'the option listen is 0.0.0.0:1, which others cannot reach'],
  ])('are refused with the option and the value: %s', async (_, wrong, told) => {
    await expect(startNode({ ...given, ...wrong })).rejects.toThrow(told)
    await expect(startNode({ ...given, ...wrong })).rejects.toMatchObject({ name: 'StartError' })
  })
})

/** An object that would do for a service, without one of its functions. */
function serviceWithout(name: string): object {
  return { ...lockService, [name]: undefined }
}

describe('the options of a server', () => {
  it.each<[string, object, string]>([
    ['id', { id: -1 }, 'the option id must be a whole number from 0 to 999999; received -1'],
    ['id', { id: 'a' }, 'the option id must be a whole number from 0 to 999999; received "a"'],
    ['id', { id: Number.NaN }, 'received NaN'],
    ['id', { id: undefined }, 'received nothing'],
    ['listen', { listen: 5 }, 'the option listen must be HOST:PORT; received 5'],
    ['dataDir', { dataDir: undefined }, 'the option dataDir must be the path of a directory, or null'],
    ['dataDir', { dataDir: '' }, 'received ""'],
    ['bootstrap', { bootstrap: true }, 'the option bootstrap must be an object with members'],
    ['bootstrap', { bootstrap: { members: [], name: 'c' } }, 'the option bootstrap must be an object with'],
    ['members', { bootstrap: {} }, 'the option bootstrap.members must be a list of { id, address }'],
    ['members', { bootstrap: { members: [] } }, 'received []'],
    ['members', { bootstrap: { members: ['a:1'] } }, 'received "a:1"'],
    ['members', { bootstrap: { members: [{ id: 'a', address: 'a:1' }] } }, 'received {"id":"a"'],
    [
      'an id twice',
      { bootstrap: { members: ['a:1', 'b:1'].map((address) => ({ id: 0, address })) } },
      'the option bootstrap.members: the id 0 appears twice',
    ],
    [
      'an address twice',
      { bootstrap: { members: [0, 1].map((id) => ({ id, address: 'A:1' })) } },
      'the option bootstrap.members: the address a:1 appears twice',
    ],
    [
      'cluster',
      { bootstrap: { members: [{ id: 0, address: 'a:1' }], cluster: '' } },
      'the option bootstrap.cluster must be a name of 1 to 128 characters; received ""',
    ],
    ['join', { join: ['a:1'] }, 'the option join must be HOST:PORT; received ["a:1"]'],
    [
      'service',
      { service: {} },
      'the option service must be an object with a name and the functions initial',
    ],
    ['service', { service: serviceWithout('execute') }, 'the option service must be an object with'],
    ['service', { service: { ...lockService, view: 1 } }, 'the option service must be an object with'],
    ['signal', { signal: {} }, 'the option signal must be an AbortSignal; received {}'],
    ['logger', { logger: console.log }, 'the option logger must be a logger, such as a pino logger'],
    ['executedLog', { executedLog: 'yes' }, 'the option executedLog must be true or false; received "yes"'],
    ['journal', { journal: true }, 'the option journal must be the path of a file; received true'],
    ['timing', { timing: { retransmitMs: 5 } }, 'the option timing must be an object with the numbers'],
    ['limits', { limits: { ...defaultLimits, queueBytes: '1' } }, 'the option limits must be an object with'],
    ['onFate', { onFate: 'x' }, 'the option onFate must be a function; received "x"'],
    ['unknown', { dataDirectory: 'd' }, 'there is no option dataDirectory; there are id, listen, advertise'],
  ])('are refused with the option, the value and what to give: %s', async (_, wrong, told) => {
    const starting = startNode({ ...given, ...wrong } as NodeOptions)
    await expect(starting).rejects.toThrow(told)
    await expect(starting).rejects.toMatchObject({ name: 'StartError' })
  })

  it('are refused when there are none', async () => {
    await expect(startNode(undefined as unknown as NodeOptions)).rejects.toThrow('must be an object')
  })

  it('are taken as they are when nothing is wrong', () => {
    const all: NodeOptions = {
      ...given,
      service: lockService as unknown as Service,
      timing: defaultTiming,
      limits: defaultLimits,
      signal: AbortSignal.timeout(1),
      logger: pino({ level: 'silent' }),
      resolver: systemResolver,
      onFate: () => undefined,
      executedLog: true,
    }
    expect(canonicalOptions(all)).toEqual(all)
  })

  it('are called as on the command line where it starts the server', () => {
    const wrong = { ...given, bootstrap: { members: [{ id: 0, address: 'a:1' }], cluster: 'c'.repeat(129) } }
    expect(() => canonicalOptions(wrong, commandWords)).toThrow(/^--cluster must be a name of 1 to 128/)
    expect(() => canonicalOptions({ ...given, listen: '[::]:1' }, commandWords)).toThrow(
      '--listen is [::]:1, which others cannot reach: give --advertise, the address where others reach the server',
    )
  })
})
