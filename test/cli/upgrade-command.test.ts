/** `paxos upgrade`, as a process, against a server that has one version of its service. */
import { expect, test } from 'vitest'
import { oneServer } from './one-server.ts'
import { paxos } from './paxos.ts'

const server = oneServer()

test('paxos upgrade says what is in force, and which server does not have the version', async () => {
  const upgrade = (...args: readonly string[]) => paxos('upgrade', ...args, '--servers', server.address)
  expect(await upgrade()).toEqual({
    ...{ code: 0, stderr: '' },
    stdout: 'version 1 of the service is in force already\n',
  })
  expect(await upgrade('2')).toEqual({
    ...{ code: 1, stdout: '' },
    stderr:
      'paxos: no upgrade: server 0 has version 1, not 2. Start each counted server with a program that has the version, and ask again\n',
  })
  expect(await upgrade('1', '--json')).toMatchObject({ code: 0, stdout: '{"version":1,"before":1}\n' })
  expect(await upgrade('0')).toMatchObject({ code: 2, stdout: '' })
})
