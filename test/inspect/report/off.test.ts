/** Without an inspector, nobody inspects: neither XState's own inspection nor anything of this one is there. */
import { afterAll, expect, test, vi } from 'vitest'

const made = vi.hoisted(() => ({ roots: [] as { system: object; options: object }[], inspections: 0 }))

vi.mock('xstate', async (importOriginal) => {
  const xstate = await importOriginal<typeof import('xstate')>()
  return {
    ...xstate,
    createActor: (...[logic, options]: Parameters<typeof xstate.createActor>) => {
      const root = xstate.createActor(logic, options)
      const { system } = root
      const inspect = system.inspect
      system.inspect = (observer) => {
        made.inspections += 1
        return inspect(observer)
      }
      made.roots.push({ system, options: options ?? {} })
      return root
    },
  }
})

const { startNode } = await import('../../../src/node/node.ts')
const { connect } = await import('../../../src/client/index.ts')
const { Observer } = await import('../../../src/inspect/report/observer.ts')
const { freePorts } = await import('../../support/free-ports.ts')

const begins = vi.spyOn(Observer.prototype, 'begins')

afterAll(() => vi.restoreAllMocks())

/** Founds a cluster of one server, and has it lock and unlock. */
async function serve(inspect: object): Promise<void> {
  const address = `127.0.0.1:${await freePorts(1)}`
  const bootstrap = { members: [{ id: 0, address }] }
  const node = await startNode({ id: 0, listen: address, dataDir: null, bootstrap, ...inspect })
  const client = connect({ servers: [address] })
  await (await client.locks.acquire('a')).release()
  await client.close()
  await node.stop()
}

test('XState is asked to tell nothing, and no observer is asked anything', async () => {
  await serve({})
  expect(made.roots.filter(({ options }) => 'inspect' in options)).toEqual([])
  expect(made.inspections).toBe(0)
  expect(begins).not.toHaveBeenCalled()
  await serve({ inspect: '127.0.0.1:9' })
  expect(made.inspections).toBeGreaterThan(0)
  expect(begins).toHaveBeenCalled()
})
