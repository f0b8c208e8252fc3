import { expect, expectTypeOf, test } from 'vitest'
import type {
  Client,
  ConnectOptions,
  ConnectTiming,
  ExecutedRequest,
  Json,
  MembershipChange,
  NodeOptions,
  Outcome,
  RunningNode,
  Service,
  ServiceTable,
} from '../src/index.ts'
import * as entry from '../src/index.ts'

test('the main entry has what a program calls, and the errors that it may catch', () => {
  expect(Object.keys(entry).sort()).toEqual([
    'Aborted',
    'AlreadyHeld',
    'BackupError',
    'ClientClosed',
    'DeadlockDetected',
    'ForeignCluster',
    'InvalidArgument',
    'KeyLost',
    'LockBusy',
    'LockLost',
    'LockTimeout',
    'PaxosError',
    'PermitsDiffer',
    'QuotaExceeded',
    'ReadFailed',
    'RequestFailed',
    'RequestRefused',
    'RequestTooLarge',
    'Resolver',
    'ServerSilent',
    'SessionExpired',
    'StartError',
    'StorageError',
    'UnexpectedResult',
    'Unreachable',
    'UpgradeRefused',
    'WrongService',
    'compose',
    'connect',
    'defineService',
    'kvService',
    'lockService',
    'lostNumbers',
    'recoverCluster',
    'restoreBackup',
    'sortedMap',
    'startNode',
  ])
})

test('the main entry names the types that its signatures mention', () => {
  expectTypeOf<Parameters<Client['request']>[0]>().toEqualTypeOf<Json>()
  expectTypeOf<Awaited<ReturnType<Client['request']>>>().toEqualTypeOf<ExecutedRequest>()
  expectTypeOf<Parameters<Client['changeMembers']>[0]>().toEqualTypeOf<MembershipChange>()
  expectTypeOf<NonNullable<Parameters<Client['locks']['release']>[1]>>().toEqualTypeOf<number>()
  expectTypeOf<ConnectOptions['timing']>().toEqualTypeOf<Partial<ConnectTiming> | undefined>()
  expectTypeOf<entry.Aborted['outcome']>().toEqualTypeOf<Outcome | null>()
  expectTypeOf<NodeOptions['bootstrap']>().toEqualTypeOf<entry.Bootstrap | undefined>()
  expectTypeOf<NodeOptions['limits']>().toEqualTypeOf<entry.Limits | undefined>()
  expectTypeOf<NodeOptions['timing']>().toEqualTypeOf<entry.Timing | undefined>()
  expectTypeOf<ReturnType<RunningNode['status']>>().toEqualTypeOf<Json>()
  expectTypeOf<Parameters<RunningNode['control']>[0]>().toEqualTypeOf<entry.NodeControl>()
  expectTypeOf<ReturnType<RunningNode['control']>>().toEqualTypeOf<entry.ControlResult>()
  expectTypeOf<ReturnType<NonNullable<Service['view']>>['tables'][number]>().toEqualTypeOf<ServiceTable>()
})
