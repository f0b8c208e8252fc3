import { messageOf } from '../core/message-of.ts'

/** Why a write failed, and what to do. */
export function reasonOf(error: unknown): string {
  const text = messageOf(error)
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk is full (${text}). Restart the server when there is space`
    case 'EACCES':
    case 'EPERM':
      return `a write is not permitted (${text}). Give the user of the server write access, and restart the server`
    case 'EROFS':
      return `the file system is read-only (${text}). Mount it writable, and restart the server`
    default:
      return `a write failed: ${text}. Restart the server when the disk works again`
  }
}
