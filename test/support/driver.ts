import type { Driver } from '../../src/core/driver.ts'
import { nothingDurable } from '../../src/core/durable.ts'

/** A driver that moves no role, and writes down what is asked of it: `send`, with the arguments. */
export function recordingDriver(parts: Partial<Driver> = {}): {
  readonly driver: Driver
  readonly asked: readonly (readonly unknown[])[]
} {
  const asked: (readonly unknown[])[] = []
  const note =
    (what: string) =>
    (...given: readonly unknown[]): void => {
      asked.push([what, ...given])
    }
  const driver: Driver = {
    deliver: note('deliver'),
    send: note('send'),
    respond: note('respond'),
    persist: note('persist'),
    read: note('read'),
    takeSnapshot: note('takeSnapshot'),
    readChunks: note('readChunks'),
    resumeSnapshot: note('resumeSnapshot'),
    keepChunk: note('keepChunk'),
    checkSnapshot: note('checkSnapshot'),
    checked: (snapshot) => {
      throw new Error(`nothing has checked the snapshot of instance ${snapshot.instance}`)
    },
    heard: note('heard'),
    observe: note('observe'),
    flag: note('flag'),
    keepTrust: note('keepTrust'),
    disputed: note('disputed'),
    withdrawn: note('withdrawn'),
    halt: note('halt'),
    durable: () => nothingDurable,
    nowMs: () => 0,
    lastHeard: () => undefined,
    ...parts,
  }
  return { driver, asked }
}
