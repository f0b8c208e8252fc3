import { defaultLimits } from '../../machines/limits.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { nothingDurable } from '../../src/core/durable.ts'
import type { EventRecorder } from '../../src/node/node-journal.ts'
import { Runtime } from '../../src/node/runtime.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { MemoryStorage } from '../../src/storage/memory-storage.ts'
import { members } from './role.ts'

/** A live server 0 of three that begins with nothing stored. `said` is told what it says: `promise to 1`. */
export async function beginFounder(
  recorder: EventRecorder | null,
  said: (what: string) => void,
  storage = new MemoryStorage(),
): Promise<Runtime> {
  await storage.open()
  await storage.initialise({ cluster: 'c', node: 0, incarnation: 'founder-0', members: members(3) })
  const replica = new Replica({ service: lockService as Service, members: members(3) })
  const runtime = new Runtime({ self: 0, incarnation: 'founder-0' }, storage, replica, { recorder })
  runtime.begin(
    nothingDurable,
    {
      send: ({ to, message }) => said(`${message.type} to ${to}`),
      respond: () => undefined,
      heard: () => undefined,
      lastHeard: () => undefined,
      flag: () => undefined,
      flush: () => said('what waits leaves'),
      close: () => undefined,
    },
    { timing: defaultTiming, limits: defaultLimits, randomSeed: 1 },
  )
  return runtime
}
