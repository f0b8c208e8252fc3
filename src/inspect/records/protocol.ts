/** The messages between servers, the hub and pages over WebSockets: each is one JSON text. */
import type { Address, NodeId } from '../../../machines/batch.ts'
import type { Member } from '../../../machines/members.ts'
import type { ControlCommand, ControlResult } from './control.ts'
import type { InspectorRecord, RunName, ServerRecord } from './record.ts'

/** From a server to the hub, on `/servers`: first `server.hello`, then batches of records. */
export type ServerToHub =
  | (RunName & {
      readonly type: 'server.hello'
      readonly version: typeof protocolVersion
      readonly cluster: string
      readonly service: string
      readonly founders: readonly Member[]
      readonly address: Address
      /** The server executes `hub.control`. */
      readonly allowsFaults: boolean
    })
  | {
      readonly type: 'server.records'
      /** The number of records that were left out before these. */
      readonly leftOut: number
      readonly records: readonly ServerRecord[]
    }
  /** The result of the `hub.control` with that id. */
  | { readonly type: 'server.result'; readonly id: number; readonly result: ControlResult }

export type ServerHello = Extract<ServerToHub, { type: 'server.hello' }>

/** From the hub to a server: only to a server that allows faults. */
export type HubToServer = {
  readonly type: 'hub.control'
  readonly id: number
  readonly command: Extract<ControlCommand, { type: 'rules' | 'timer' }>
}

/** From the hub to a page, on `/pages`: first the history, then new records. */
export type HubToPage =
  | {
      readonly type: 'hub.welcome'
      readonly version: typeof protocolVersion
      /** `live`, or the name of the file that is replayed. */
      readonly source: { readonly kind: 'live' } | { readonly kind: 'recording'; readonly name: string }
    }
  | { readonly type: 'hub.records'; readonly records: readonly InspectorRecord[] }
  | { readonly type: 'hub.result'; readonly id: number; readonly result: ControlResult }
  /** The servers that were refused recently. Sent when the list changes. */
  | { readonly type: 'hub.refusals'; readonly refusals: readonly Refusal[] }

/** A server that the hub refused. */
export interface Refusal {
  /** Identifies its cluster, for `cluster` of src/inspect/records/control.ts. */
  readonly key: string
  readonly cluster: string
  readonly service: string
  readonly node: NodeId
  readonly address: Address
  readonly reason: string
  /** How often it was refused. */
  readonly count: number
  /** When it was refused last. */
  readonly timeMs: number
}

/** From a page to the hub. */
export type PageToHub = {
  readonly type: 'page.control'
  readonly id: number
  /** The token of the address that the command printed. */
  readonly token: string
  readonly command: ControlCommand
}

/** The version of these messages and of recordings. */
export const protocolVersion = 2

/** The default port of the hub. */
export const defaultInspectorPort = 29_400

/** The default address of Stately's own inspector: the server of the package `@statelyai/inspect`. */
export const defaultStatelyUrl = 'ws://localhost:8080'
