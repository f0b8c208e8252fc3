/** What a program uses: a client of a cluster, a server of its own, and the interface of a replicated service. */

export * from './client/errors.ts'
export { type Client, type ConnectOptions, connect, type Lock, type RequestOptions } from './client/index.ts'
export { type NodeOptions, type RunningNode, StartError, startNode } from './node/node.ts'
export { kvService } from './services/kv.ts'
export { lockService } from './services/lock.ts'
export type { Delayed, Executed, Moment, Service } from './services/service.ts'
/** A map for the state of a service: it is never changed in place, and a change costs O(log n). */
export * as sortedMap from './services/sorted-map.ts'
