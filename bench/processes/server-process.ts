/** A server of a cluster, in a process of its own. */
import { kvService, lockService, type NodeOptions, type Service, startNode } from '../../src/index.ts'
import { commonCommands, givenOptions, serve } from './commands.ts'

/** The options of `startNode` that JSON can carry, and the name of a service. */
export interface ServerOptions
  extends Pick<NodeOptions, 'id' | 'listen' | 'dataDir' | 'bootstrap' | 'inspect'> {
  readonly service: ServiceName
}

export type ServiceName = 'lock' | 'kv'

const services: Readonly<Record<ServiceName, Service>> = {
  lock: lockService as Service,
  kv: kvService as Service,
}

const { service, ...options } = givenOptions<ServerOptions>()
const node = await startNode({ ...options, service: services[service] })
const commands = {
  ...commonCommands,
  /** Everything below is chosen and executed here. */
  firstUnchosen: (): number => Number(Object(node.status()).firstUnchosen),
}
export type ServerCommands = typeof commands

serve(commands)
const reason = await node.ended
if (reason !== null) throw new Error(`server ${node.id} halted: ${reason}`)
