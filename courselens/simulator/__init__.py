"""Simulated courses in the platform's real formats: tracking logs, data packages, OLX."""

from courselens.simulator.run import Account, SimulatedCourse, SimulationReport, simulate

__all__ = ["Account", "SimulatedCourse", "SimulationReport", "simulate"]
