const limit = 60_000; // milliseconds that a check may take

// report prints a line of JSON for every check, {"name", "error"}, where error is null when the check has passed, and
// ends the program.
export async function report(checks) {
  for (const [name, check] of Object.entries(checks)) {
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(reject, limit, new Error('not done in time')); });
    const error = await Promise.race([check(), late]).then(() => null, (e) => e.stack);
    clearTimeout(timer);
    console.log(JSON.stringify({ name, error }));
  }
  process.exit(); // also from a check that was not done in time
}
