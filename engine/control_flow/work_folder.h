/*
 * engine/control_flow/work_folder.h
 *
 * System::WorkFolder: the folder for temporary files of an execution.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_WORK_FOLDER_H
#define ENGINE_CONTROL_FLOW_WORK_FOLDER_H

#include "engine/control_flow/unit.h"

/* The given folder, or a new temporary one; false with *error. */
extern bool so_work_folder_open(SoRun *run, SoError *error) SO_WARN_UNUSED;

/* Remove it with everything in it, if it was made here. */
extern void so_work_folder_close(SoRun *run);

#endif /* ENGINE_CONTROL_FLOW_WORK_FOLDER_H */
