// Reads a JSON list of iCalendar texts from stdin, with ical.js and nothing but the time zones that
// stand in each, and prints what it makes of them as JSON.
import ICAL from "ical.js";

let said = "";
for await (const piece of process.stdin.setEncoding("utf8")) said += piece;

const valued = (component) =>
  Object.fromEntries(component.getAllProperties().map((it) => [it.name, String(it.getFirstValue())]));

const event = (component) => {
  const { startDate, endDate } = new ICAL.Event(component);
  return {
    ...valued(component),
    names: component.getAllProperties().map((it) => it.name),
    parts: component.getAllSubcomponents().map((it) => it.name),
    starts: startDate.toUnixTime(),
    ends: endDate.toUnixTime(),
    zone: startDate.zone.tzid,
    endZone: endDate.zone.tzid,
  };
};

const calendar = (text) => {
  const component = new ICAL.Component(ICAL.parse(text));
  return {
    ...valued(component),
    parts: component.getAllSubcomponents().map((it) => it.name),
    zones: component.getAllSubcomponents("vtimezone").map((it) => it.getFirstPropertyValue("tzid")),
    events: component.getAllSubcomponents("vevent").map(event),
  };
};

console.log(JSON.stringify(JSON.parse(said).map(calendar)));
