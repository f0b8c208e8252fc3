import { defaultLimits } from '../../machines/limits.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { type EventRecorder, Runtime } from '../../src/node/runtime.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import { MemoryStorage } from '../../src/storage/memory-storage.ts'
import { members } from './role.ts'

/** A live server 0 of three that begins with nothing stored. `said` is told what it says: `promise to 1`. */
export async function beginFounder(
  recorder: EventRecorder,
  said: (what: string) => void,
  storage = new MemoryStorage(),
): Promise<Runtime> {
  await storage.open()
  await storage.initialise({ cluster: 'c', node: 0, incarnation: 'founder-0', members: members(3) })
  const replica = new Replica({ service: lockService, members: members(3) })
  const executor = {
    get members() {
      return replica.members
    },
    hasWaiting: (node: number) => replica.waitingNodes.includes(node),
    execute: replica.execute.bind(replica),
    recall: ({ uid, seq, command }: Parameters<Runtime['request']>[0]) => replica.recall(uid, seq, command),
  }
  const runtime = new Runtime({ self: 0, incarnation: 'founder-0' }, storage, executor, { recorder })
  runtime.begin(
    {
      self: 0,
      incarnation: 'founder-0',
      members: members(3),
      promised: null,
      accepted: [],
      firstUnchosen: 0,
    },
    {
      send: (to, { type }) => said(`${type} to ${to}`),
      respond: () => undefined,
      isHeard: () => true,
      isMember: () => true,
      flag: () => undefined,
      close: () => undefined,
    },
    { timing: defaultTiming, limits: defaultLimits, randomSeed: 1 },
  )
  return runtime
}
