import { describe, expect, it } from 'vitest'
import type { NodeOptions } from '../../src/node/node.ts'
import { startNode } from '../../src/node/node.ts'
import { canonicalOptions } from '../../src/node/options.ts'

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
    ['listen', { listen: '127.0.0.1' }, "the option listen: '127.0.0.1' is no address: give HOST:PORT"],
    ['advertise', { advertise: '0.0.0.0:1' }, "the option advertise: '0.0.0.0:1' is no address to send to"],
    ['join', { join: 'a:0' }, "the option join: 'a:0' is no address to send to"],
    ['inspect', { inspect: '[::1' }, "the option inspect: '[::1' is no address"],
    [
      'bootstrap.members',
      { bootstrap: { members: [{ id: 0, address: '127.1:5' }] } },
      "the option bootstrap.members: '127.1:5' is no address",
    ],
    ['a wildcard', { listen: '0.0.0.0:1' }, 'the option listen is 0.0.0.0:1, which leads others nowhere'],
    ['no text', { listen: 5 as unknown as string }, "the option listen: '5' is no address"],
  ])('are refused with the option and the value: %s', async (_, wrong, told) => {
    await expect(startNode({ ...given, ...wrong })).rejects.toThrow(told)
    await expect(startNode({ ...given, ...wrong })).rejects.toMatchObject({ name: 'StartError' })
  })
})
