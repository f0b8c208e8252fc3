/** The public API: a client of a cluster, a server, and the interface of a replicated service. */

export type { Address, Instance, Json, MembershipChange, NodeId } from '../machines/batch.ts'
export type { Limits } from '../machines/limits.ts'
export type { Outcome, Position } from '../machines/outcome.ts'
export type { Timing } from '../machines/timing.ts'
export * from './client/errors.ts'
export {
  AlreadyHeld,
  type ChangedQuota,
  type Client,
  type ConnectOptions,
  type ConnectTiming,
  connect,
  DeadlockDetected,
  type EndedSession,
  type ExecutedRequest,
  KeyLost,
  type Kv,
  type KvOptions,
  type Lock,
  LockBusy,
  type LockHolder,
  type LockLossReason,
  LockLost,
  type LockOptions,
  type Locks,
  LockTimeout,
  PermitsDiffer,
  type QueryOptions,
  type RequestOptions,
  type ServerStatus,
  type Sessions,
  type SessionsOptions,
  type ShownSession,
  Unreachable,
  type Upgraded,
} from './client/index.ts'
export type { ClientMove, ClientObserver } from './client/observer.ts'
export type { ControlResult } from './inspect/records/control.ts'
export type { FateRecord } from './inspect/records/record.ts'
export { Resolver } from './network/resolver.ts'
export type { FoundedFrom, RecoveredCluster } from './node/founded-from.ts'
export type { Bootstrap } from './node/identity.ts'
export type { Logger } from './node/logger.ts'
export {
  type NodeControl,
  type NodeOptions,
  type RunningNode,
  StartError,
  startNode,
} from './node/node.ts'
export { type RecoverOptions, recoverCluster } from './node/recover-cluster.ts'
export { type RestoreOptions, restoreBackup } from './node/restoration.ts'
export type { ServerAddress } from './node/server-address.ts'
export {
  type ComposedCommand,
  type ComposedService,
  type ComposedState,
  compose,
  type Parts,
} from './services/compose.ts'
export {
  type CommandOf,
  type DefinedService,
  defineService,
  type ResultOf,
  type ServiceDefinition,
} from './services/define-service.ts'
export {
  type KvChange,
  type KvCommand,
  type KvEntry,
  type KvLife,
  type KvResult,
  type KvResults,
  type KvState,
  type KvTarget,
  kvService,
} from './services/kv/kv.ts'
export { type LockCommand, type LockResult, type LockState, lockService } from './services/lock.ts'
export type {
  Changed,
  Delayed,
  Executed,
  Moment,
  RequestName,
  Service,
  ServiceTable,
  Time,
  TimerChange,
} from './services/service.ts'
export { lostNumbers } from './services/service.ts'
/** A persistent map for the state of a service: a change makes a new map in O(log n). */
export * as sortedMap from './services/sorted-map.ts'
export { BackupError } from './storage/backup-file.ts'
export { StorageError } from './storage/storage.ts'
