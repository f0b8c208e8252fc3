/** A style sheet. The build adds it to the page's. */
declare module '*.css'
