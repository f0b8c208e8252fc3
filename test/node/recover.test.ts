/** A server that starts again is where one is that never stopped: by histories of every kind, in pages of every size. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Batch, Command } from '../../machines/batch.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { foundingMembers } from '../../machines/members.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { NodeCore } from '../../src/core/node-core.ts'
import { executeChosen } from '../../src/node/recover.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { MemoryStorage } from '../../src/storage/memory-storage.ts'
import { batchOf } from '../support/batches.ts'
import { recordingDriver } from '../support/driver.ts'

const members = foundingMembers([0, 1, 2].map((id) => ({ id, address: `h:${id + 1}` })))
const identity = { cluster: 'c', node: 1, incarnation: 'founder-1', members }

const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.constantFrom('a', 'b').map((name) => ({ kind: 'service' as const, body: { action: 'lock', name } })),
  fc.nat({ max: 4 }).map((id) => ({ kind: 'members' as const, change: { action: 'remove' as const, id } })),
  fc.nat({ max: 4 }).map((id) => ({
    kind: 'members' as const,
    change: { action: 'admit' as const, id, address: `h:${id + 1}`, incarnation: `again-${id}` },
  })),
)

const histories: fc.Arbitrary<Batch[]> = fc
  .array(fc.array(commands, { maxLength: 3 }), { minLength: 1, maxLength: 8 })
  .map((batches) =>
    batches.map((requests, instance) =>
      batchOf(
        0,
        requests.map((command, index) => ({ uid: 'u', seq: instance * 3 + index, ackedBelow: 0, command })),
      ),
    ),
  )

const newReplica = () => new Replica({ service: lockService as Service, members })

test('all that was chosen is executed again, in order, and the roles begin with the members of then', async () => {
  const cases = fc.tuple(histories, fc.integer({ min: 1, max: 600 }))
  await fc.assert(
    fc.asyncProperty(cases, async ([history, pageBytes]) => {
      const storage = new MemoryStorage()
      await storage.open()
      await storage.initialise(identity)
      const chosen = history.map((batch, instance) => ({ instance, batch }))
      await storage.persist({ by: 'learner', chosen })
      await storage.close()
      const { identity: stored, ...durable } = await storage.open()
      expect(stored).toEqual(identity)

      // The core keeps the running digest of the replica.
      const running = newReplica()
      new NodeCore({ self: 1, incarnation: 'founder-1' }, running, recordingDriver().driver).recover(history)
      const replica = newReplica()
      const told: Batch[] = []
      const core = new NodeCore({ self: 1, incarnation: 'founder-1' }, replica, recordingDriver().driver)
      await executeChosen(storage, core, durable, { pageBytes, executed: ({ batch }) => told.push(batch) })
      expect(told).toEqual(history)
      expect(replica.digest()).toBe(running.digest())
      const settings = { timing: defaultTiming, limits: defaultLimits, randomSeed: 1 }
      const inputs = core.inputs(durable, settings)
      expect(inputs.acceptor).toMatchObject({
        self: 1,
        incarnation: 'founder-1',
        promised: null,
        accepted: [],
      })
      for (const input of Object.values(inputs)) expect(input.members).toEqual(running.members)
      expect(inputs.acceptor.firstUnchosen).toBe(history.length)
      expect(inputs.learner.firstUnchosen).toBe(history.length)
      expect(inputs.proposer.firstUnexecuted).toBe(history.length)
    }),
  )
})
