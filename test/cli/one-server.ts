import { afterAll, beforeAll } from 'vitest'
import { BuiltPaxos } from '../support/built-paxos.ts'
import { freePorts } from '../support/free-ports.ts'

/**
 * A server alone, started with `options`, which runs during the tests of the file that calls this. Its address is known when the first test
 * begins.
 */
export function oneServer(...options: readonly string[]): { readonly address: string } {
  let address = ''
  let server: BuiltPaxos

  beforeAll(async () => {
    address = `127.0.0.1:${await freePorts(1)}`
    const where = ['--id', '0', '--members', `0=${address}`, '--memory', '--bootstrap']
    server = new BuiltPaxos(['node', ...where, ...options, '--log-level', 'warn'])
    await server.said(/ready/)
  })

  afterAll(async () => {
    server.signal('SIGTERM')
    await server.ended
  })

  return {
    get address() {
      return address
    },
  }
}
