// The workspace brings its own Node.js 24 from npm on Linux and Windows; elsewhere the one on the PATH has to do.
const [major, minor] = process.versions.node.split('.').map(Number)
const newEnough = major > 22 || (major === 22 && minor >= 15)
if (!newEnough) {
  console.error(
    `Developing Sluice needs Node.js 22.15 or newer, and this is ${process.version} (${process.platform} ${process.arch}).\n` +
      'On Linux and Windows `npm run setup` installs one for the workspace; on other systems install Node.js 24 first.',
  )
  process.exit(1)
}
