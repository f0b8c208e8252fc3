/** A style sheet, which the build puts into the page's. */
declare module '*.css'
