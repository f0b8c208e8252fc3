/** Permissions of what servers and commands write: it may hold all that clients ever asked, so it is for their own user only. */
export const privateFile = 0o600
export const privateDirectory = 0o700

/** Has this process make files and directories for its own user only, those of LevelDB too. For a program, not for a library. */
export function keepPrivate(): void {
  process.umask(process.umask() | 0o077)
}
